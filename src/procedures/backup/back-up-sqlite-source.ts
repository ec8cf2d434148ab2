import { Failure } from '../../base/failure.ts'
import type { BackupReport } from '../../operations/back-up/back-up.ts'
import type { SourceJob } from './back-up-source.ts'

export async function backUpSqliteSource(job: SourceJob): Promise<BackupReport> {
  throw new Failure('unsupported', `Cannot back up "${job.source}" yet`)
}
