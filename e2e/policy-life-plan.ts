import type { SeededRandom } from '../testing/seeded-random.ts'
import type { DayPlan } from './policy-life.ts'

const hourMs = 3_600_000

/** When what happens once happens, by day, and how often the rest does. */
export interface LifeShape {
  readonly rotations: readonly number[]
  readonly joinDay: number
  /** One bad thing of each kind in about so many days. */
  readonly rareDays: number
}

/** What becomes of each day of a life: outages that last for days, sources that fail, clocks that jump, sleep. */
export function planDay(day: number, shape: LifeShape, random: SeededRandom): DayPlan {
  const { rareDays } = shape
  const within = day % (rareDays * 2)
  const outage = within >= rareDays && within < rareDays + 1 + (Math.floor(day / rareDays) % 5)
  const asleep = within >= rareDays / 2 && within < rareDays / 2 + 2
  if (shape.rotations.includes(day)) return { rotate: true }
  if (shape.joinDay === day) return { join: 'orders' }
  if (asleep) return { asleep }
  const plan: DayPlan = outage ? { outage } : {}
  if (random.below(rareDays) === 0) {
    const source = day > shape.joinDay ? random.pick(['documents', 'orders'] as const) : 'documents'
    return { ...plan, broken: { source, minutes: random.pick([6, 30, 79, 10_000]) } }
  }
  if (random.below(rareDays) === 0) {
    return { ...plan, jumpMs: random.pick([-50, -5, 5, 30, 24 * 10]) * hourMs }
  }
  return plan
}
