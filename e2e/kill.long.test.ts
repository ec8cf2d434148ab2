import { test } from 'node:test'
import { findRestics } from '../testing/restic.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { killedOperations, killRound, makeKillWorld } from './kill-round.ts'

// A few of the 200 kills of `npm run soak`, with another seed at each run.
test('kill -9 of backup, prune and mirror leaves a valid repository, and the next run finishes', async (context) => {
  const random = seededRandom(process.env.SEED ?? `kill ${Date.now()}`)
  context.diagnostic(`seed "${random.seed}" (SEED=… repeats it)`)
  await using folder = temporaryFolder('kill')
  const world = await makeKillWorld(folder.path, findRestics()[0]?.path, random)
  for (const operation of killedOperations) {
    const { afterMs, killed } = await killRound(world, operation, random)
    context.diagnostic(`${operation}: ${killed ? `killed after ${afterMs} ms` : 'had ended before'}`)
  }
})
