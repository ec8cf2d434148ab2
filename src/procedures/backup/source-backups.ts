import type { SourceKind } from '../../model/policy/policy.ts'
import type { BackupReport } from '../../operations/back-up/back-up.ts'
import type { SourceJob } from './back-up-source.ts'
import { backUpFilesSource } from './back-up-files-source.ts'
import { backUpSqliteSource } from './back-up-sqlite-source.ts'
import { backUpPostgresqlSource } from './back-up-postgresql-source.ts'

/** How a source of each kind is backed up. */
export const sourceBackups: Readonly<Record<SourceKind, (job: SourceJob) => Promise<BackupReport>>> = {
  files: backUpFilesSource,
  sqlite: backUpSqliteSource,
  postgresql: backUpPostgresqlSource,
}
