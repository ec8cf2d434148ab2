import type { Clock } from '../../base/clock.ts'
import { Failure } from '../../base/failure.ts'
import type { RandomBytes } from '../../base/random.ts'
import type { OpenedWal } from './wal-codec.ts'
import type { WalHeader } from './wal-header.ts'
import { WalStore, type WalEntry, type WalFile, type WalPlace } from './wal-store.ts'

/** A receiver may store more of a segment so many times while its beginning is looked for. */
const growthsMax = 20

/**
 * The stored write-ahead log of one source over all generations that still hold some of it. New files go into the newest
 * generation; a file is looked for in all of them, and in the further places (the secondary location's copies) where one
 * is missing or damaged.
 */
export class WalArchive implements Disposable {
  readonly #stores: readonly WalStore[]
  readonly #copies: readonly WalStore[]
  /** Where each listed file lies: names are the same at both locations. */
  readonly #storeOf = new WeakMap<WalEntry, WalStore>()

  constructor(
    places: { readonly primary: readonly WalPlace[]; readonly copies?: readonly WalPlace[] },
    context: { readonly clock: Clock; readonly random: RandomBytes },
  ) {
    const open = (some: readonly WalPlace[]): WalStore[] =>
      some.toSorted((a, b) => b.generation - a.generation).map((place) => new WalStore(place, context))
    this.#stores = open(places.primary)
    this.#copies = open(places.copies ?? [])
  }

  /** Stores a file in the newest generation, unless one holds it already. Failures as of WalStore.put(). */
  async put(file: WalFile, signal: AbortSignal): Promise<'stored' | 'exists'> {
    const [newest, ...older] = this.#stores
    if (newest === undefined) throw new Failure('defect', 'Cannot store WAL: there is no place for it')
    for (const store of older) if ((await store.compare(file, signal)) === 'same') return 'exists'
    return await newest.put(file, signal)
  }

  /** A file by its name, from wherever it is whole; undefined where it is nowhere. `into` is as for WalCodec.open(). */
  async get(
    entry: { readonly systemIdentifier: string; readonly name: string; readonly partBytes?: number },
    signal: AbortSignal,
    into?: Buffer,
  ): Promise<OpenedWal | undefined> {
    let fault: unknown
    for (const store of [...this.#stores, ...this.#copies]) {
      try {
        const found = await store.get(entry, signal, into)
        if (found !== undefined) return found
      } catch (error) {
        if (signal.aborted) throw error
        fault ??= error // Another place may have it whole; if none has, this is what is told.
      }
    }
    if (fault !== undefined) throw fault
    return undefined
  }

  async has(
    entry: { readonly systemIdentifier: string; readonly name: string },
    signal: AbortSignal,
  ): Promise<boolean> {
    for (const store of [...this.#stores, ...this.#copies]) if (await store.has(entry, signal)) return true
    return false
  }

  /**
   * A listed file, or what has taken the place of a beginning of a segment since: a longer one, or the whole segment. A
   * receiver that is at work removes each when it has stored more. Undefined where nothing of it is there any more.
   */
  async getGrown(
    listed: Pick<WalEntry, 'systemIdentifier' | 'name' | 'partBytes'>,
    signal: AbortSignal,
  ): Promise<OpenedWal | undefined> {
    const { systemIdentifier, name } = listed
    let { partBytes } = listed
    for (let growths = 0; growths < growthsMax; growths++) {
      const found = await this.get({ systemIdentifier, name, ...(partBytes !== undefined && { partBytes }) }, signal)
      if (found !== undefined || partBytes === undefined) return found
      const folder = `${systemIdentifier}/${name.slice(0, 8)}/${name.slice(8, 16)}/`
      const parts = (await this.list(folder, signal)).filter((one) => one.name === name)
      const more = Math.max(...parts.map((one) => one.partBytes ?? 0), 0)
      // Where there is no longer beginning, only the whole is left to look for.
      partBytes = more > partBytes ? more : undefined
    }
    return undefined
  }

  /** What is stored of a system, or of a folder of it, each file once: the places of this location go first. */
  async list(folder: string, signal: AbortSignal): Promise<WalEntry[]> {
    const found = new Map<string, WalEntry>()
    for (const store of [...this.#stores, ...this.#copies]) {
      for (const entry of await store.list(folder, signal)) {
        const name = entry.objectName.slice(store.place.prefix.length)
        if (found.has(name)) continue
        found.set(name, entry)
        this.#storeOf.set(entry, store)
      }
    }
    return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry)
  }

  /** Removes listed files from this location; the copies are the mirror's to remove. */
  async remove(entries: readonly WalEntry[], signal: AbortSignal): Promise<void> {
    for (const entry of entries) {
      const store = this.#storeOf.get(entry)
      if (store !== undefined && this.#stores.includes(store)) await store.remove(entry, signal)
    }
  }

  /** What a listed file says of itself; from a copy where the first one is gone or damaged. */
  async header(entry: WalEntry, signal: AbortSignal): Promise<WalHeader> {
    let fault: unknown = new Failure('defect', `Cannot read WAL "${entry.objectName}": this archive did not list it`)
    const first = this.#storeOf.get(entry)
    for (const store of first === undefined ? [] : [first, ...this.#copies.filter((copy) => copy !== first)]) {
      try {
        return await store.header(entry, signal)
      } catch (error) {
        if (signal.aborted) throw error
        if (store === first) fault = error // What the copies lack matters only where the first one fails.
      }
    }
    const grown = entry.partBytes === undefined ? undefined : await this.getGrown(entry, signal)
    if (grown !== undefined) return grown.header
    throw fault
  }

  [Symbol.dispose](): void {
    for (const store of [...this.#stores, ...this.#copies]) store[Symbol.dispose]()
  }
}
