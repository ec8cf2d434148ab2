import type { TestEnvironment } from './test-environment.ts'

/** Whether a comparison finds damage that was done on purpose. Plain JSON. */
export interface NegativeControl {
  /** How the copy was damaged. */
  readonly damage: string
  /** `rejected`: the comparison found it, as it must. `missed`: then it proves nothing, whatever it says of other copies. */
  readonly outcome: 'rejected' | 'missed'
  /** The first thing that the comparison said. */
  readonly found: string | null
}

/**
 * Damages the copy and asks the very same comparison, which must reject it; of what was damaged, since all was compared before. May be run twice: a copy that was damaged by a
 * try that was killed may be whole again by the second damage, so one more is done then.
 */
export async function negativeControl(environment: TestEnvironment): Promise<NegativeControl> {
  let damage = ''
  for (let tries = 0; tries < 2; tries++) {
    damage = await environment.damage()
    const [found] = await environment.compare('damaged')
    if (found !== undefined) return { damage, outcome: 'rejected', found }
  }
  return { damage, outcome: 'missed', found: null }
}
