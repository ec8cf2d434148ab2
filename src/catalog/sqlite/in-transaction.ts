import type { DatabaseSync } from 'node:sqlite'

/** Does all of it or nothing, and lets no other process write meanwhile. */
export function inTransaction<T>(database: DatabaseSync, body: () => T): T {
  database.exec('BEGIN IMMEDIATE')
  try {
    const answer = body()
    database.exec('COMMIT')
    return answer
  } catch (error) {
    // After some errors SQLite has rolled back by itself.
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}
