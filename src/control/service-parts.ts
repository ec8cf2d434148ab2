import type { Clock } from '../base/clock.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { Policy } from '../model/policy/policy.ts'
import type { Run, RunProcess } from '../model/run.ts'
import type { Installation } from '../procedures/installation.ts'
import type { DurableRuns } from './durable-runs.ts'

/** What the service works with. */
export interface ServiceParts {
  readonly runs: DurableRuns
  readonly catalog: Catalog
  readonly clock: Clock
  /** This process, as its runs name it. */
  readonly process: RunProcess
  readonly isProcessAlive: (process: RunProcess) => boolean
  /** The policy as its file stands now; it is looked at each time. */
  readonly readPolicy: () => Promise<Policy>
  /**
   * Opened anew for each run, so that a key that was rotated, or a policy that was changed, since the last one is taken
   * up. A policy that is weaker than the one in force is refused here, and so the run fails.
   */
  readonly openInstallation: () => Promise<{ readonly installation: Installation } & AsyncDisposable>
  readonly tell: (event: ServiceEvent) => void
}

/** What the service says: one event a run, and what troubles it. */
export type ServiceEvent =
  | { readonly kind: 'ended'; readonly run: Run }
  /** The process of a run died, and nothing is left that would take it up. */
  | { readonly kind: 'lost'; readonly run: Run }
  /** The service itself began or stopped. */
  | { readonly kind: 'service'; readonly text: string }
  /** What becomes of the reception of a source's write-ahead log. */
  | { readonly kind: 'receiver'; readonly source: string; readonly text: string }
  | { readonly kind: 'notice'; readonly text: string }
  /** The service itself could not look what is due; it tries again. */
  | { readonly kind: 'trouble'; readonly message: string }
