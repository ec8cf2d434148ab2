import type { LocationName } from '../../model/policy/policy.ts'
import type { Installation } from '../installation.ts'

/** What a drill is asked. Plain JSON; secrets are given anew to a run that is resumed. */
export interface RecoveryDrillOrder {
  /** An absolute path: the isolated root. */
  readonly into: string
  /** Where the keys come from: an export of the keyring. */
  readonly keyringExport?: string
  /** Or shares of the recovery kit. */
  readonly shares: readonly string[]
  /** Whether what was restored stays, even where production has it. */
  readonly keep?: boolean
}

/**
 * The machine after the loss of everything: an empty folder, the one location that is left, and the keys as somebody brings
 * them. Nothing of the installation is used in it, and nothing is written to the location but locks.
 */
export interface DrillRoot {
  /** What the one location that is left is called in the policy. */
  readonly location: LocationName
  /** Whether a drill can begin so: failures `refused`, `kit_locked`, `kit_damaged`, `usage`. Touches nothing. */
  check(order: RecoveryDrillOrder, signal: AbortSignal): Promise<void>
  /** Makes the folder and recovers the keyring in it; what is there already of the same run is kept. Failures of check(), `keyring_locked`. */
  make(run: string, order: RecoveryDrillOrder, signal: AbortSignal): Promise<void>
  /** Opens what make() made. Its one location is "primary" in it, whatever it is called in the policy. */
  open(
    order: RecoveryDrillOrder,
    signal: AbortSignal,
  ): Promise<{ readonly installation: Installation } & AsyncDisposable>
  /** Removes the keys from the folder; what was restored stays. */
  forgetKeys(order: RecoveryDrillOrder): Promise<void>
  /** Removes what a drill made in the folder; may be run twice. */
  empty(order: RecoveryDrillOrder): Promise<void>
}
