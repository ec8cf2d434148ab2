import { join } from 'node:path'
import type { Id } from '../../model/id.ts'
import type { RestorePhases } from '../../model/run.ts'
import type { Installation } from '../installation.ts'
import type { RecoveryDrillOrder } from './drill-root.ts'

/** What became of one source. Plain JSON. */
export interface SourceRecovered {
  readonly source: string
  readonly outcome: 'equal' | 'different' | 'not compared' | 'lost'
  readonly backup: Id | null
  /** ISO 8601. */
  readonly takenAt: string | null
  readonly bytes: number
  readonly durationMs: number
  /** Absent where it was not carried out to its end. */
  readonly phases?: RestorePhases
  /** Of a PostgreSQL server: which one it is. */
  readonly systemIdentifier?: string
  readonly differences: readonly string[]
}

/** One source of a drill. */
export interface SourceWork {
  /** What the drill works with in its root. */
  readonly isolated: Installation
  readonly order: RecoveryDrillOrder
  readonly source: string
}

/** Where a source is restored to. A server's files go where the user of the server can come to them; the rest below the root. */
export function targetFolder(
  { policy, programs }: Pick<Installation, 'policy' | 'programs'>,
  { into, source, run }: { readonly into: string; readonly source: string; readonly run: string },
): string {
  const isServer = policy.sources[source]?.kind === 'postgresql'
  return isServer ? join(programs.sharedFolder, `zakops-drill-${run}-${source}`) : join(into, 'restored', source)
}
