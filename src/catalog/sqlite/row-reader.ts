import type { SQLOutputValue } from 'node:sqlite'
import { Failure } from '../../base/failure.ts'
import { isId } from '../../model/id.ts'
import type { Id } from '../../model/id.ts'

export type Row = Readonly<Record<string, SQLOutputValue>>

/** The last millisecond that a Date can say. */
const dateMsMax = 8_640_000_000_000_000

/** Reads a row's columns as what they must be. Failure `catalog_unreadable` names the column and what was found. */
export class RowReader {
  readonly #row: Row
  readonly #what: string

  /** `what` names the row: `run "run-1" of the catalog "/…"`. */
  constructor(row: Row, what: string) {
    this.#row = row
    this.#what = what
  }

  text(column: string): string {
    const value = this.#row[column]
    return typeof value === 'string' ? value : this.bad(column, 'text')
  }

  /** A whole number from 0 on. */
  count(column: string): number {
    const value = this.#row[column]
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
      ? value
      : this.bad(column, 'a whole number from 0 on')
  }

  date(column: string): Date {
    const value = this.#row[column]
    return typeof value === 'number' && Math.abs(value) <= dateMsMax ? new Date(value) : this.bad(column, 'a time')
  }

  id(column: string): Id {
    const value = this.#row[column]
    return typeof value === 'string' && isId(value) ? value : this.bad(column, '64 hexadecimal digits')
  }

  oneOf<T extends string>(column: string, list: readonly T[]): T {
    const value = list.find((one) => one === this.#row[column])
    return value ?? this.bad(column, `one of ${list.join(', ')}`)
  }

  /** A list of texts, kept as JSON. */
  texts(column: string): string[] {
    const wanted = 'a list of texts'
    let value: unknown
    try {
      value = JSON.parse(this.text(column))
    } catch {
      return this.bad(column, wanted)
    }
    return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : this.bad(column, wanted)
  }

  /** An object, kept as JSON. */
  object(column: string): Record<string, unknown> {
    let value: unknown
    try {
      value = JSON.parse(this.text(column))
    } catch {
      return this.bad(column, 'an object')
    }
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : this.bad(column, 'an object')
  }

  optional<T>(column: string, read: (column: string) => T): T | undefined {
    return this.#row[column] === null ? undefined : read(column)
  }

  bad(column: string, wanted: string): never {
    const found = JSON.stringify(this.#row[column], (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : value,
    )
    throw new Failure(
      'catalog_unreadable',
      `Cannot read the ${this.#what}: ${column} is ${(found ?? 'absent').slice(0, 100)}, expected ${wanted}`,
    )
  }
}
