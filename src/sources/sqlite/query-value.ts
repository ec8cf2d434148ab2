import { DatabaseSync } from 'node:sqlite'
import { sqliteFailure } from './sqlite-failure.ts'

/** The first value that a query answers, as text; undefined where it answers no row. Nothing is written. Failure `database_unreadable` and others of SQLite. */
export function queryValue(path: string, sql: string): string | undefined {
  try {
    const database = new DatabaseSync(path, { readOnly: true, allowExtension: false })
    try {
      const row = database.prepare(sql).get()
      const value = row === undefined ? undefined : Object.values(row)[0]
      return value === undefined ? undefined : String(value)
    } finally {
      database.close()
    }
  } catch (error) {
    throw sqliteFailure(error, path)
  }
}
