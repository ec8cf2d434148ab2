import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { inTransaction } from './in-transaction.ts'
import type { Row } from './row-reader.ts'
import { sqliteFailure } from './sqlite-failure.ts'

export type Values = readonly SQLInputValue[]

/** The database of a catalog with its prepared statements. Failures as the seam says. */
export class CatalogStore {
  readonly #path: string
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(path: string, database: DatabaseSync) {
    this.#path = path
    this.#database = database
  }

  read<T>(text: string, values: Values, parse: (row: Row, path: string) => T): T[] {
    const rows = this.#doing('read', () => this.#statement(text).all(...values))
    return rows.map((row) => parse(row, this.#path))
  }

  /** Answers how many rows it changed. Alone it is a transaction of its own. */
  write(text: string, values: Values): number {
    return this.#doing('write', () => Number(this.#statement(text).run(...values).changes))
  }

  /** All of it or nothing, and no other process writes meanwhile. */
  atOnce<T>(body: () => T): T {
    return this.#doing('write', () => inTransaction(this.#database, body))
  }

  close(): void {
    this.#statements.clear()
    if (this.#database.isOpen) this.#database.close()
  }

  #doing<T>(verb: 'read' | 'write', body: () => T): T {
    try {
      return body()
    } catch (error) {
      throw sqliteFailure(error, `${verb} the catalog`, this.#path)
    }
  }

  #statement(text: string): StatementSync {
    const known = this.#statements.get(text)
    if (known !== undefined) return known
    const statement = this.#database.prepare(text)
    this.#statements.set(text, statement)
    return statement
  }
}
