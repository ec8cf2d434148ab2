import { existsSync } from 'node:fs'
import { PolicyLife } from '../e2e/policy-life.ts'
import { planDay } from '../e2e/policy-life-plan.ts'
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

/** Two years: 104 weekly fulls, and a daily incremental on all other days that are not slept through. */
export async function soakLife(fulls: number, seed: string): Promise<void> {
  if (fulls === 0) return
  const incrementals = fulls * 6 + 2
  // Syncs cost nothing there, and nothing here is about them.
  await using folder = temporaryFolder('soak', existsSync('/dev/shm') ? '/dev/shm' : undefined)
  const life = new PolicyLife(folder.path, seededRandom(`${seed} life`))
  const shape = { rotations: [180, 540], joinDay: fulls * 6, rareDays: 40 }
  const startedAt = performance.now()
  await life.begin()
  let restored = 0
  while (life.count('documents', 'full') < fulls || life.count('documents', 'incremental') < incrementals) {
    await life.live(planDay(life.day + 1, shape, life.random))
    if (life.day % 7 === 0) restored += await life.restoreKept(life.random.pick(['primary', 'secondary']), 1)
    if (life.day % 50 === 0) console.log(`day ${life.day}: as the policy says`)
  }
  // The last day may have been one without the secondary, or without a run.
  await life.live({})
  for (const location of ['primary', 'secondary'] as const) restored += await life.restoreKept(location)
  const counts = (['full', 'incremental'] as const).map((kind) => `${life.count('documents', kind)} ${kind}`)
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  const { user, system } = process.cpuUsage()
  const processorSeconds = Math.round((user + system) / 1_000_000)
  console.log(
    `life: ${life.day} days, ${counts.join(' and ')} of documents; ${restored} restored equal; ${seconds} s, ${processorSeconds} s of processors`,
  )
}
