import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { seededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { PolicyLife } from './policy-life.ts'
import { planDay } from './policy-life-plan.ts'

// `npm run soak` lives through two years.
test('six weeks of the policy leave exactly what it says after each day, and every backup restores', async (context) => {
  const seed = new Date().toISOString()
  context.diagnostic(`seed "${seed}"`)
  await using folder = temporaryFolder('life', fastFolder())
  const life = new PolicyLife(folder.path, seededRandom(seed))
  const shape = { rotations: [3], joinDay: 20, rareDays: 12 }
  await life.begin()
  while (life.day < 43) {
    await life.live(planDay(life.day + 1, shape, life.random))
    if (life.day % 10 === 0) await life.restoreKept('primary', 1)
  }
  for (const location of ['primary', 'secondary'] as const) {
    assert.ok((await life.restoreKept(location)) >= 12)
    assert.equal(existsSync(join(folder.path, location, 'production', '1', 'repository', 'config')), false)
  }
})

/** Syncs cost nothing there, and nothing here is about them. */
function fastFolder(): string | undefined {
  return existsSync('/dev/shm') ? '/dev/shm' : undefined
}
