import { connectPostgresql } from '../../sources/postgresql/connection.ts'
import { connectionOf } from '../backup/back-up-postgresql-source.ts'
import type { Installation } from '../installation.ts'
import type { AskDatabase } from '../questions/question-fault.ts'
import { requirePostgresql } from './physical-backups.ts'

/** Asks the server of a source, in production, by the URL of the policy: the first value of the first row. */
export function askServer(
  installation: Pick<Installation, 'clock' | 'policy' | 'secret'>,
  source: string,
): AskDatabase {
  return async (question, signal) => {
    const connection = await connectionOf(installation, requirePostgresql(installation, source))
    await using sql = await connectPostgresql(connection, { kind: 'sql' }, signal)
    return await sql.value(question)
  }
}
