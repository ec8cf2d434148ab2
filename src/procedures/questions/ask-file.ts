import type { Policy } from '../../model/policy/policy.ts'
import { SqliteWorkers } from '../../sources/sqlite/sqlite-workers.ts'
import { type AskDatabase, failedAssertions } from './question-fault.ts'

/** Asks a SQLite database. */
export function askFile(path: string): AskDatabase {
  return async (sql, signal) => {
    await using sqlite = new SqliteWorkers()
    return await sqlite.ask(path, sql, signal)
  }
}

/** Those of a SQLite source's assertions that do not hold in the database at this path; none where the policy has the source no more. */
export async function failedFileAssertions(
  { sources }: Pick<Policy, 'sources'>,
  { source, path }: { readonly source: string; readonly path: string },
  signal: AbortSignal,
): Promise<string[]> {
  const known = Object.hasOwn(sources, source) ? sources[source] : undefined
  return known?.kind === 'sqlite' ? await failedAssertions(askFile(path), known.assertions, signal) : []
}
