import { DatabaseSync } from 'node:sqlite'
import { sqliteFailure } from './sqlite-failure.ts'

/**
 * Changes a copy of a database in one row, so that whoever compares it must find that; says what it did. A copy without
 * rows gets another user_version. `tables`: those that the copy has, by their rows.
 */
export function damageCopy(path: string, tables: readonly { readonly name: string; readonly rows: number }[]): string {
  try {
    const database = new DatabaseSync(path, { allowExtension: false, enableForeignKeyConstraints: false })
    try {
      database.exec('PRAGMA trusted_schema = OFF; PRAGMA journal_mode = DELETE')
      for (const { name, rows } of tables) {
        if (rows > 0 && deleteRow(database, name)) return `a row of table "${name}" was removed`
      }
      const version = Number(Object.values(database.prepare('PRAGMA user_version').get() ?? {})[0])
      database.exec(`PRAGMA user_version = ${version === 1 ? 2 : 1}`)
      return 'user_version was changed'
    } finally {
      database.close()
    }
  } catch (error) {
    throw sqliteFailure(error, path)
  }
}

/** Not every table lets itself be written to: a trigger may refuse, or it has no rowid. Then another one is taken. */
function deleteRow(database: DatabaseSync, table: string): boolean {
  const quoted = `"${table.replaceAll('"', '""')}"`
  try {
    const { changes } = database.prepare(`DELETE FROM ${quoted} WHERE rowid = (SELECT min(rowid) FROM ${quoted})`).run()
    return Number(changes) > 0
  } catch {
    return false
  }
}
