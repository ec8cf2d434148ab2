import { test } from 'node:test'
import { seededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { killedProcedures, makeProcedureKillWorld, procedureKillRound } from './procedure-kill-round.ts'

// `npm run soak` does this a hundred times.
test('procedures that are killed at any moment go on, end well, and leave nothing stopped', async (context) => {
  const seed = new Date().toISOString()
  context.diagnostic(`seed "${seed}"`)
  const random = seededRandom(seed)
  await using folder = temporaryFolder('procedure-kills')
  const world = await makeProcedureKillWorld(folder.path)
  for (const procedure of killedProcedures) await procedureKillRound(world, procedure, random)
})
