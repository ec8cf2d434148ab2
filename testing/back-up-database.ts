import { neverStopped } from '../src/base/abort.ts'
import { type Clock, systemClock } from '../src/base/clock.ts'
import {
  backUpSqlite,
  type SqliteBackupReport,
  type SqliteBackupRequest,
} from '../src/operations/sqlite/back-up-sqlite.ts'
import {
  restoreSqlite,
  type SqliteRestoreReport,
  type SqliteRestoreRequest,
} from '../src/operations/sqlite/restore-sqlite.ts'
import type { Repository } from '../src/repository/repository.ts'
import type { TemporaryFolder } from './temporary-folder.ts'

/** A clock ten seconds ahead: to it, what was written just now was written long ago. */
export const laterClock: Clock = { ...systemClock, now: () => new Date(Date.now() + 10_000) }

/** Backs up "db" in the folder with the plainest request there is, and what of it is to be otherwise. */
export async function backUpDatabase(
  repository: Repository,
  folder: TemporaryFolder,
  changes: Partial<SqliteBackupRequest> = {},
  clock: Clock = laterClock,
  signal: AbortSignal = neverStopped(),
): Promise<SqliteBackupReport> {
  return await backUpSqlite(
    {
      repository,
      path: folder.at('db'),
      workFolder: folder.at('work'),
      kind: 'incremental',
      parent: 'latest',
      hostname: 'host',
      workers: 1,
      busyMs: 50,
      ...changes,
    },
    { clock, progress: () => {}, programVersion: 'test' },
    signal,
  )
}

/** Restores a backup of a database. */
export async function bringDatabase(
  repository: Repository,
  { snapshotId }: { readonly snapshotId: string | undefined },
  changes: Partial<SqliteRestoreRequest> & { readonly path: string },
): Promise<SqliteRestoreReport> {
  const snapshot = await repository.loadSnapshot(snapshotId!, neverStopped())
  return await restoreSqlite(
    { repository, snapshot, run: 'run-1', whileOpen: 'refuse', old: 'remove', workers: 1, ...changes },
    { clock: systemClock, progress: () => {} },
    neverStopped(),
  )
}
