import { test } from 'node:test'
import { makeSampleTree } from '../testing/sample-tree.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { damageRound } from './damage-round.ts'
import { zakops } from './program.ts'

// A few of the 500 damages of `npm run soak`, with another seed at each run.
test('check names a random damage, and heal mends it from the mirror', async (context) => {
  const random = seededRandom(process.env.SEED ?? `damage ${Date.now()}`)
  context.diagnostic(`seed "${random.seed}" (SEED=… repeats it)`)
  await using folder = temporaryFolder('damage')
  const copies = { repository: folder.at('repository'), mirror: folder.at('mirror') }
  makeSampleTree(folder.at('source'), random)
  await zakops(['repo', 'init', '-r', copies.repository])
  await zakops(['backup', '-r', copies.repository, folder.at('source', 'plain')])
  await zakops(['backup', '-r', copies.repository, folder.at('source')])
  await zakops(['mirror', '-r', copies.repository, '--to', copies.mirror])
  for (let round = 0; round < 6; round++) context.diagnostic(await damageRound(copies, random))
  await zakops(['check', '-r', copies.repository, '--read-data'])
})
