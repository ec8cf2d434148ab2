import type { Clock } from '../base/clock.ts'
import type { RandomBytes } from '../base/random.ts'
import type { WriteStep } from './replace-keyring-file.ts'

/** What a keyring takes from the machine that it is on. */
export interface KeyringWorld {
  readonly clock: Pick<Clock, 'now' | 'sleep'>
  readonly random: RandomBytes
  readonly hostname: string
  readonly userId: number
  readonly processId: number
  readonly isProcessAlive: (processId: number) => boolean
  /** Called before each step of a write: for tests that kill the program there. */
  readonly onWriteStep?: (step: WriteStep) => void
}
