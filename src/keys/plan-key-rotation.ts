import type { Environment, Policy } from '../model/policy/policy.ts'
import type { Generation } from './generation.ts'

/** When the key of an environment is to be rotated. */
export interface KeyRotationPlan {
  readonly environment: Environment
  /** The active generation. */
  readonly generation: number
  readonly dueAt: Date
  readonly isDue: boolean
  readonly reason: string
}

/**
 * What the policy wants of the active generation of each environment: a new one a year after it was made, on the same
 * day of the calendar, UTC; of 29 February on 1 March.
 */
export function planKeyRotation(
  generations: readonly Generation[],
  rotation: Policy['encryption']['keyRotation'],
  now: Date,
): KeyRotationPlan[] {
  return generations
    .filter(({ state }) => state === 'active')
    .map(({ environment, generation, createdAt }) => {
      const dueAt = afterOneTerm(createdAt, rotation)
      const isDue = now.getTime() >= dueAt.getTime()
      const [made, due] = [dayOf(createdAt), dayOf(dueAt)]
      const reason = isDue ? `made ${made}, was due to be rotated ${due}` : `made ${made}, is due to be rotated ${due}`
      return { environment, generation, dueAt, isDue, reason }
    })
}

function afterOneTerm(from: Date, rotation: Policy['encryption']['keyRotation']): Date {
  const due = new Date(from)
  switch (rotation) {
    case 'annually':
      due.setUTCFullYear(from.getUTCFullYear() + 1)
      return due
    default:
      return rotation satisfies never
  }
}

function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10)
}
