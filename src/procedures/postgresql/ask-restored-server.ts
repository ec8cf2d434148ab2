import type { PostgresqlSourcePolicy } from '../../model/policy/policy.ts'
import { connectPostgresql } from '../../sources/postgresql/connection.ts'
import { databaseOf } from '../../sources/postgresql/server-address.ts'
import type { Installation } from '../installation.ts'
import { type AskDatabase, failedAssertions } from '../questions/question-fault.ts'
import { requirePostgresql } from './physical-backups.ts'

/** A server, or databases in one, that hold what was restored. */
export interface RestoredServer {
  readonly url: string
  readonly password?: string | undefined
  /** Those that have another name here. */
  readonly databases?: readonly { readonly name: string; readonly as: string }[]
}

/** Asks what was restored of a source: the database that the URL of the policy names, whatever it is called here. */
export function askRestoredServer(
  policy: Pick<PostgresqlSourcePolicy, 'url'>,
  { url, password, databases = [] }: RestoredServer,
): AskDatabase {
  const named = databaseOf(policy.url) ?? 'postgres'
  const database = databases.find(({ as }) => as === named)?.name ?? named
  const connection = password === undefined ? { url } : { url, password }
  return async (question, signal) => {
    await using sql = await connectPostgresql(connection, { kind: 'sql', database }, signal)
    return await sql.value(question)
  }
}

/** Those of the policy's assertions that do not hold in what was restored of a source, a sentence each. */
export async function failedServerAssertions(
  installation: Pick<Installation, 'policy'>,
  { source, ...server }: RestoredServer & { readonly source: string },
  signal: AbortSignal,
): Promise<string[]> {
  const policy = requirePostgresql(installation, source)
  return await failedAssertions(askRestoredServer(policy, server), policy.assertions, signal)
}
