import { Failure } from '../base/failure.ts'
import { type Id, parseId } from '../model/id.ts'
import { isGoTime } from '../model/go-time.ts'

/**
 * Typed reading of one JSON object of a repository. As in Go, an absent member and null mean the type's zero, and
 * members that nobody asks for are ignored; a member of another type is Failure `repository_damaged`.
 */
export class JsonReader {
  readonly #members: Readonly<Record<string, unknown>>
  readonly #what: string

  /** @param what names the object in messages, e.g. `snapshot "1234abcd"` */
  constructor(value: unknown, what: string) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new Failure('repository_damaged', `Cannot read ${what}: it is ${shown(value)}, expected a JSON object`)
    }
    this.#members = value as Record<string, unknown>
    this.#what = what
  }

  /** Parses UTF-8 bytes; bytes that are no JSON are Failure `repository_damaged`. */
  static parse(bytes: Uint8Array, what: string): JsonReader {
    return new JsonReader(parseJson(bytes, what), what)
  }

  has(key: string): boolean {
    return this.#members[key] !== undefined && this.#members[key] !== null
  }

  text(key: string): string {
    return this.optionalText(key) ?? ''
  }

  optionalText(key: string): string | undefined {
    const value = this.#members[key] ?? undefined
    if (value === undefined || typeof value === 'string') return value
    throw this.unexpected(key, 'a text')
  }

  texts(key: string): string[] {
    const value = this.list(key)
    if (value.every((item) => typeof item === 'string')) return value
    throw this.unexpected(key, 'a list of texts')
  }

  list(key: string): unknown[] {
    const value = this.#members[key] ?? []
    if (Array.isArray(value)) return value
    throw this.unexpected(key, 'a list')
  }

  /** A whole number from 0 to 2^53 - 1. */
  count(key: string): number {
    const value = this.#members[key] ?? 0
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
    throw this.unexpected(key, 'a whole number that is not negative')
  }

  flag(key: string): boolean {
    const value = this.#members[key] ?? false
    if (typeof value === 'boolean') return value
    throw this.unexpected(key, 'true or false')
  }

  id(key: string): Id {
    return parseId(this.#members[key], `${this.#what}, "${key}"`)
  }

  optionalId(key: string): Id | undefined {
    return this.has(key) ? this.id(key) : undefined
  }

  time(key: string): string {
    const value = this.#members[key]
    if (typeof value === 'string' && isGoTime(value)) return value
    throw this.unexpected(key, 'a time in RFC 3339')
  }

  /** Bytes written as base64. */
  bytes(key: string): Uint8Array {
    return Buffer.from(this.text(key), 'base64')
  }

  /** The object under this key. */
  object(key: string): JsonReader {
    return new JsonReader(this.#members[key], `${this.#what}, "${key}"`)
  }

  unexpected(key: string, expected: string): Failure {
    const found = shown(this.#members[key])
    return new Failure('repository_damaged', `Cannot read ${this.#what}: "${key}" is ${found}, expected ${expected}`)
  }
}

/** The value that UTF-8 bytes of JSON stand for; Failure `repository_damaged` where they are none. */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Failure('repository_damaged', `Cannot read ${what}: it is not JSON`, { cause })
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
