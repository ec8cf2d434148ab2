import { Failure } from '../../base/failure.ts'
import type { BackupReport } from '../../operations/back-up/back-up.ts'
import { backUpSqlite } from '../../operations/sqlite/back-up-sqlite.ts'
import type { SourceJob } from './back-up-source.ts'
import { backupContext } from './backup-context.ts'

/** Backs up a SQLite database: a consistent copy that passed its integrity check. */
export async function backUpSqliteSource(job: SourceJob): Promise<BackupReport> {
  const { installation, locked, source, kind, parent, tags, time, watch } = job
  const policy = installation.policy.sources[source]
  if (policy?.kind !== 'sqlite') throw new Failure('defect', `Source "${source}" is not one of SQLite`)
  const { hostname, username, userId, groupId } = installation.host
  return await backUpSqlite(
    {
      repository: locked.repository,
      path: policy.path,
      workFolder: installation.workFolder,
      kind,
      parent: parent === undefined ? 'none' : { id: parent.id },
      hostname,
      username,
      userId,
      groupId,
      tags,
      time,
    },
    backupContext(installation, watch),
    locked.signal,
  )
}
