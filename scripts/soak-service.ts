import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { compileCache, livePolicyCommand } from '../e2e/live-policy-command.ts'
import { makeServeWorld, serveKillRound, verifyServeWorld } from '../e2e/serve-kill-round.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

/** kill -9 of `serve` at random moments, day after day. */
export async function soakServe(count: number, seed: string): Promise<void> {
  if (count === 0) return
  const random = seededRandom(`${seed} serve`)
  await using folder = temporaryFolder('soak')
  const world = await makeServeWorld(folder.path, random)
  let kills = 0
  while (kills < count) {
    const hits = await serveKillRound(world, random)
    kills += hits.length
    console.log(
      `day ${world.day}: serve killed after ${hits.join(' ms, and again after ')} ms: finished by the next one`,
    )
    if (world.day % 20 === 0) await verifyServeWorld(world)
  }
  await verifyServeWorld(world)
  console.log(
    `serve: ${kills} kills in ${world.day} days; one backup a source and due time, the same at both locations`,
  )
}

/** Lives through so many weeks of a policy (e2e/live-policy.ts). */
export async function soakLife(fulls: number, seed: string): Promise<void> {
  if (fulls === 0) return
  const [program, ...words] = livePolicyCommand(fulls, seed)
  const child = spawn(program, words, { stdio: 'inherit', env: { ...process.env, NODE_COMPILE_CACHE: compileCache } })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`e2e/live-policy.ts ended with ${code}`)
}
