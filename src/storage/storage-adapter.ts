import { Failure } from '../base/failure.ts'
import type { Storage } from './storage.ts'

/** How the program comes to a kind of storage. */
export interface StorageAdapter {
  /** The storage at an existing place. */
  open(place: string, signal: AbortSignal): Promise<Storage>
  /** Makes the place where it is absent, and opens it. */
  create(place: string, signal: AbortSignal): Promise<Storage>
}

/** Storage adapters by the word before the colon of a place ("local:/srv/backup"). */
export type StorageAdapters = Readonly<Record<string, StorageAdapter>>

/** Where a storage is: the word of its adapter, and what that adapter makes of the rest. */
export interface Place {
  readonly adapter: string
  readonly path: string
}

/**
 * The place that a user named. Without an adapter's word before a colon it is a folder of this machine; a folder
 * with a colon in its first part can be written as "./a:b" or "local:a:b". Failure `usage` where it is empty,
 * `unsupported` for a word that no adapter has.
 */
export function parsePlace(text: string, adapters: StorageAdapters): Place {
  if (text === '') throw new Failure('usage', 'Cannot open a repository: its place is empty')
  const match = /^([a-z][a-z0-9+-]*):(.*)$/s.exec(text)
  if (match === null) return { adapter: 'local', path: text }
  const [, adapter, path] = match
  if (Object.hasOwn(adapters, adapter!) && path !== '') return { adapter: adapter!, path: path! }
  const known = Object.keys(adapters).join(', ')
  throw new Failure('unsupported', `Cannot open a repository: there is no storage "${adapter}:", only ${known}`, {
    facts: { hint: `A folder of this name is written "./${text}".` },
  })
}

/** The place that lies in another one by these names: "local:/srv/backup" and "production" give "local:/srv/backup/production". */
export function placeWithin(place: string, ...names: readonly string[]): string {
  return [place.replace(/\/+$/, ''), ...names].join('/')
}
