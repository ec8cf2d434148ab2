import { Failure } from '../../base/failure.ts'
import { type PostgresqlDump, postgresqlDumpPath, postgresqlDumpSchema } from '../../model/postgresql-dump.ts'
import { readAttachment } from '../../operations/attachments.ts'
import type { OpenedBackup } from '../restore/open-backup.ts'

/** What a backup of dumps says of itself; undefined for one of another kind. Failure `repository_damaged` where it is no such text. */
export async function readDumpFacts({
  repository,
  snapshot,
  signal,
}: Pick<OpenedBackup, 'repository' | 'snapshot' | 'signal'>): Promise<PostgresqlDump | undefined> {
  const name = postgresqlDumpPath.slice(postgresqlDumpPath.indexOf('/') + 1)
  const bytes = await readAttachment(repository, snapshot, name, signal)
  if (bytes === undefined) return undefined
  try {
    return postgresqlDumpSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch (cause) {
    throw new Failure('repository_damaged', `Cannot read "/${postgresqlDumpPath}" of backup "${snapshot.id}"`, {
      cause,
    })
  }
}
