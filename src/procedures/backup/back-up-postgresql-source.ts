import { Failure } from '../../base/failure.ts'
import type { PostgresqlSourcePolicy } from '../../model/policy/policy.ts'
import type { BackupReport } from '../../operations/back-up/back-up.ts'
import {
  backUpPostgresql,
  type PostgresqlBackupRequest,
} from '../../operations/back-up-postgresql/back-up-postgresql.ts'
import type { PostgresqlConnectionOptions } from '../../sources/postgresql/connection-options.ts'
import type { Installation } from '../installation.ts'
import type { SourceJob } from './back-up-source.ts'

/** Backs up a PostgreSQL server: a physical snapshot that starts wherever it is restored. */
export async function backUpPostgresqlSource(job: SourceJob): Promise<BackupReport> {
  const { installation, locked, source, kind, parent, tags, time, watch } = job
  const policy = installation.policy.sources[source]
  if (policy?.kind !== 'postgresql') throw new Failure('defect', `Source "${source}" is not one of PostgreSQL`)
  const { hostname, username } = installation.host
  const connection = await connectionOf(installation, policy)
  const transfer = kind === 'full' ? 'all' : 'changes'
  const manifest = { tableBytesMax: policy.manifestTableBytesMax }
  const request: PostgresqlBackupRequest = {
    repository: locked.repository,
    source,
    connection,
    hostname,
    username,
    tags,
    parent,
    time,
    manifest,
    transfer,
  }
  const report = await backUpPostgresql(
    request,
    { clock: installation.clock, progress: watch.progress, programVersion: installation.programVersion },
    locked.signal,
  )
  for (const warning of report.warnings) watch.notice(`${source}: ${warning}`)
  return report
}

/** How the server of a source is reached. */
export async function connectionOf(
  { secret }: Pick<Installation, 'secret'>,
  { url, password }: PostgresqlSourcePolicy,
): Promise<PostgresqlConnectionOptions> {
  return password === undefined ? { url } : { url, password: await secret(password) }
}
