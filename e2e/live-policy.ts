/**
 * Lives through a policy day by day until a source has so many weekly fulls, and six times as many incrementals: for 104,
 * two years. Exits 1 on the first day after which something is not as the policy says.
 *
 *   live-policy.ts FULLS SEED        FULLS at least 6: a generation of keys ends five weeks after its rotation
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { seededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { PolicyLife } from './policy-life.ts'
import { planDay } from './policy-life-plan.ts'

const fulls = Number(process.argv[2])
const incrementals = fulls * 6 + 2
const isShort = fulls < 20
// A generation of keys ends five weeks after it was rotated, so that a short life has one rotation, and early.
const shape = isShort
  ? { rotations: [3], joinDay: fulls * 4, rareDays: 12 }
  : { rotations: [180, 540], joinDay: fulls * 6, rareDays: 40 }

// Syncs cost nothing there, and nothing here is about them.
await using folder = temporaryFolder('life', existsSync('/dev/shm') ? '/dev/shm' : undefined)
const life = new PolicyLife(folder.path, seededRandom(process.argv[3]!))
const startedAt = performance.now()
await life.begin()
let restored = 0
const isOver = (): boolean =>
  isShort
    ? life.day >= fulls * 7
    : life.count('documents', 'full') >= fulls && life.count('documents', 'incremental') >= incrementals
while (!isOver()) {
  await life.live(planDay(life.day + 1, shape, life.random))
  if (life.day % 7 === 0) restored += await life.restoreKept(life.random.pick(['primary', 'secondary']), 1)
  if (life.day % 50 === 0) console.log(`day ${life.day}: as the policy says`)
}
// The last day may have been one without the secondary, or without a run.
await life.live({})
for (const location of ['primary', 'secondary'] as const) {
  restored += await life.restoreKept(location, isShort ? 8 : Number.POSITIVE_INFINITY)
  // Of the generations whose keys are destroyed nothing is left.
  const left = readdirSync(folder.at(location, 'production')).filter((generation) =>
    existsSync(folder.at(location, 'production', generation, 'repository', 'config')),
  )
  assert.deepEqual(left, [String(shape.rotations.length + 1)], location)
}
const { user, system } = process.cpuUsage()
const counts = (['full', 'incremental'] as const).map((kind) => `${life.count('documents', kind)} ${kind}`)
const seconds = Math.round((performance.now() - startedAt) / 1000)
const processorSeconds = Math.round((user + system) / 1_000_000)
console.log(
  `life: ${life.day} days, ${counts.join(' and ')} of documents; ${restored} restored equal; ${seconds} s, ${processorSeconds} s of a processor`,
)
