import { Failure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { LocationName, SourceKind } from '../../model/policy/policy.ts'
import { openBackup, type OpenedBackup } from '../restore/open-backup.ts'
import type { ProcedureContext } from '../runs/procedure-context.ts'

/** What is asked for. Plain JSON. */
export interface DatabaseRestoreOrder {
  readonly source: string
  /** `latest`, or the beginning of a backup's id. */
  readonly backup: string
  /** Undefined takes the first copy that opens. */
  readonly location?: LocationName
  /** A point in time of a PostgreSQL server, as `restore --to` takes it; the backup is the last one before it then. */
  readonly to?: string
  /** Which timeline leads there. */
  readonly timeline?: 'latest' | number
  /** Name of the user that a server runs as whose data folder is lost. */
  readonly owner?: string
}

interface Identified {
  readonly backup: Id
  readonly source: string
  readonly sourceKind: SourceKind
  /** ISO 8601. */
  readonly takenAt: string
  readonly location: LocationName | undefined
  /** What is in production: a file, a data folder. */
  readonly path: string
  /** Where the old one will be. */
  readonly oldPath: string
  readonly services: readonly string[]
}

/** A database in a file. */
export type IdentifiedFile = Identified & { readonly form?: undefined }

/** A whole server, by its data folder. */
export type IdentifiedServer = Identified & {
  readonly form: 'server'
  /** Whether there is a data folder to be replaced. */
  readonly hadOld: boolean
  /** The target of the order; null for the backup's own state. */
  readonly to: string | null
  /** The same in words. */
  readonly target: string
  /** Whose the files are, where this process is root. */
  readonly owner: { readonly uid: number; readonly gid: number; readonly [name: string]: number } | null
  /** Of the data folder. */
  readonly mode: number
}

/** The backup that a run restores, and what it replaces, once it is decided. Plain JSON. */
export type IdentifiedBackup = IdentifiedFile | IdentifiedServer

/** Opens the backup of a run, and gives it back after the work. Failure `snapshot_missing` where retention has removed it. */
export async function withBackup<Answer>(
  { installation, watch }: Pick<ProcedureContext, 'installation' | 'watch'>,
  point: Pick<Identified, 'backup' | 'location' | 'source'>,
  signal: AbortSignal,
  work: (opened: OpenedBackup) => Promise<Answer>,
): Promise<Answer> {
  const { catalog } = installation
  const backup = (await catalog.backups({ source: point.source })).find(({ id }) => id === point.backup)
  if (backup === undefined) {
    throw new Failure(
      'snapshot_missing',
      `Cannot restore backup "${point.backup.slice(0, 8)}": it was removed meanwhile`,
    )
  }
  await using opened = await openBackup(installation, { backup, location: point.location }, watch, signal)
  return await work(opened)
}
