import { DatabaseSync, type SQLOutputValue } from 'node:sqlite'
import { sqliteFailure } from './sqlite-failure.ts'

/**
 * The first value that a query answers, as text; undefined where it answers no row or NULL. Nothing is written. Holds its
 * thread up: see SqliteWorkers. Failure `database_unreadable` and others of SQLite.
 */
export function queryValue(path: string, sql: string): string | undefined {
  try {
    const database = new DatabaseSync(path, { readOnly: true, allowExtension: false })
    try {
      const statement = database.prepare(sql)
      statement.setReadBigInts(true) // Else a whole number beyond 2^53 is an error.
      statement.setReturnArrays(true) // Columns may be called alike, or by numbers.
      const row = statement.get() as unknown as readonly SQLOutputValue[] | undefined
      const value = row?.[0]
      return value === undefined || value === null ? undefined : String(value)
    } finally {
      database.close()
    }
  } catch (error) {
    throw sqliteFailure(error, path)
  }
}
