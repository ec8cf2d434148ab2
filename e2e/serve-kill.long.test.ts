import { test } from 'node:test'
import { seededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { makeServeWorld, serveKillRound, verifyServeWorld } from './serve-kill-round.ts'

// `npm run soak` does this a hundred times.
test('serve, killed at any moment, is finished by the next one: one backup a source and due time', async (context) => {
  const seed = new Date().toISOString()
  context.diagnostic(`seed "${seed}"`)
  const random = seededRandom(seed)
  await using folder = temporaryFolder('serve')
  const world = await makeServeWorld(folder.path, random)
  for (let kills = 0; kills < 5; ) kills += (await serveKillRound(world, random)).length
  await verifyServeWorld(world)
})
