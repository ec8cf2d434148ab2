import type { Clock } from '../../base/clock.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import type { RandomBytes } from '../../base/random.ts'
import type { MasterKey } from '../../kernels/seal.ts'
import { segmentFacts } from '../../sources/postgresql/segment-facts.ts'
import { parseWalName } from '../../sources/postgresql/wal-name.ts'
import { readSegmentHeader } from '../../sources/postgresql/wal-segment-header.ts'
import type { Storage } from '../../storage/storage.ts'
import { headerEnd, isIntactWal, WalCodec, type OpenedWal } from './wal-codec.ts'
import type { WalHeader } from './wal-header.ts'
import { parseWalObjectName, walObjectName, type WalObjectName } from './wal-object-name.ts'

/** Where the WAL of one source lies in one generation. */
export interface WalPlace {
  readonly storage: Storage
  /** Its folder in the storage, with the slash at its end: "production/1/wal/orders/". */
  readonly prefix: string
  readonly generation: number
  readonly key: MasterKey
}

/** A file to be stored. */
export interface WalFile {
  readonly systemIdentifier: string
  /** As PostgreSQL names it. */
  readonly name: string
  /** Of a segment that is not full yet: its beginning. */
  readonly content: Uint8Array
  /** Says that `content` is only the beginning of the segment. */
  readonly isPart: boolean
}

/** A stored file, by its name alone. */
export interface WalEntry extends WalObjectName {
  readonly objectName: string
  /** Of the object, in bytes. */
  readonly size: number
  readonly generation: number
}

/** Most headers fit; a longer one is read with a second call. */
const headerReadBytes = 2048

/**
 * The stored write-ahead log of one source in one generation. What put() resolved for is durable. Nothing that is stored
 * is ever changed, but for an object that is damaged, which the same file put again mends.
 */
export class WalStore implements Disposable {
  readonly place: WalPlace
  readonly #clock: Clock
  readonly #codec: WalCodec

  constructor(place: WalPlace, context: { readonly clock: Clock; readonly random: RandomBytes }) {
    this.place = place
    this.#clock = context.clock
    this.#codec = new WalCodec(place.key, context.random)
  }

  /**
   * Stores a file. The same one again answers 'exists'. Failure `wal_conflict` where another content is stored under
   * its name, `usage` where the file is not what its name says.
   */
  async put(file: WalFile, signal: AbortSignal): Promise<'stored' | 'exists'> {
    const objectName = this.#objectNameOf(file)
    const before = await this.compare(file, signal)
    if (before === 'same') return 'exists'
    const object = this.#codec.seal({ ...describe(file), storedAt: this.#clock.now() }, file.content)
    const whenPresent = before === 'damaged' ? 'replace' : 'keep'
    const answer = await this.place.storage.put(objectName, object, { whenPresent }, signal)
    if (answer === 'stored') return 'stored'
    // Another one stored it meanwhile: the receiver and archive_command may both be at work.
    if ((await this.compare(file, signal)) === 'same') return 'exists'
    throw new Failure('storage_unreachable', `Cannot store WAL "${objectName}": it was there, and is not whole or gone`)
  }

  /** How a file stands to what is stored under its name. Failure `wal_conflict` where that is another one. */
  async compare(file: WalFile, signal: AbortSignal): Promise<'absent' | 'same' | 'damaged'> {
    const objectName = this.#objectNameOf(file)
    const object = await this.#read(objectName, signal)
    if (object === undefined) return 'absent'
    let stored: OpenedWal
    try {
      stored = this.#codec.open(object, `WAL "${objectName}"`)
    } catch (error) {
      if (isFailure(error, 'repository_damaged')) return 'damaged'
      throw error
    }
    if (stored.content.equals(file.content)) return 'same'
    throw new Failure(
      'wal_conflict',
      `Cannot store WAL "${file.name}" of system ${file.systemIdentifier}: other content was stored under this name at ${stored.header.storedAt.toISOString()}`,
      { facts: { objectName, storage: this.place.storage.name } },
    )
  }

  /** A file by its name; undefined where it is not there. Failure `repository_damaged` where it is not whole. `into` is as for WalCodec.open(). */
  async get(
    entry: Pick<WalObjectName, 'systemIdentifier' | 'name'> & { partBytes?: number },
    signal: AbortSignal,
    into?: Buffer,
  ): Promise<OpenedWal | undefined> {
    const objectName = this.#nameOf(entry)
    const object = await this.#read(objectName, signal)
    if (object === undefined) return undefined
    const opened = this.#codec.open(object, `WAL "${objectName}"`, into)
    const { header } = opened
    if (header.name !== entry.name || header.systemIdentifier !== entry.systemIdentifier) {
      throw new Failure(
        'repository_damaged',
        `Cannot use WAL "${objectName}": it holds "${header.name}" of system ${header.systemIdentifier}`,
      )
    }
    return opened
  }

  async has(entry: Pick<WalObjectName, 'systemIdentifier' | 'name'>, signal: AbortSignal): Promise<boolean> {
    return (await this.place.storage.size(this.#nameOf(entry), signal)) !== undefined
  }

  /** What a stored file says of itself; the content is not read. */
  async header(entry: WalEntry, signal: AbortSignal): Promise<WalHeader> {
    const { storage } = this.place
    const what = `WAL "${entry.objectName}"`
    const read = (length: number): Promise<Uint8Array> =>
      storage.get(entry.objectName, { range: { offset: 0, length: Math.min(length, entry.size) } }, signal)
    const front = await read(headerReadBytes)
    const end = headerEnd(front)
    const whole = end === undefined || end <= front.length ? front : await read(end)
    const header = this.#codec.openHeader(whole, what)
    if (header.name === entry.name && header.systemIdentifier === entry.systemIdentifier) return header
    throw new Failure('repository_damaged', `Cannot use ${what}: it holds "${header.name}"`)
  }

  /** Every stored file, or those of a folder ("<system identifier>/", "<system identifier>/<timeline>/<log>/"). */
  async list(folder: string, signal: AbortSignal): Promise<WalEntry[]> {
    const { storage, prefix, generation } = this.place
    const entries: WalEntry[] = []
    for await (const { objectName, size } of storage.list(prefix + folder, signal)) {
      const parsed = parseWalObjectName(objectName.slice(prefix.length))
      if (parsed !== undefined) entries.push({ ...parsed, objectName, size, generation })
    }
    return entries.toSorted((a, b) => (a.objectName < b.objectName ? -1 : 1))
  }

  async remove(entry: WalEntry, signal: AbortSignal): Promise<void> {
    await this.place.storage.remove(entry.objectName, signal)
  }

  [Symbol.dispose](): void {
    this.#codec[Symbol.dispose]()
  }

  async #read(objectName: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
    try {
      return await this.place.storage.get(objectName, {}, signal)
    } catch (error) {
      if (isFailure(error, 'object_missing')) return undefined
      throw error
    }
  }

  #objectNameOf(file: WalFile): string {
    return this.#nameOf({ ...file, ...(file.isPart ? { partBytes: file.content.length } : {}) })
  }

  #nameOf({
    systemIdentifier,
    name,
    partBytes,
  }: {
    systemIdentifier: string
    name: string
    partBytes?: number
  }): string {
    const wal = parseWalName(name)
    if (wal === undefined) throw new Failure('usage', `Cannot use "${name}" as a file of WAL: it is no such name`)
    const part = partBytes === undefined ? {} : { partBytes }
    return this.place.prefix + walObjectName({ systemIdentifier, name, wal, ...part })
  }
}

/** Says of a stored object whether it is whole, without a key. */
export async function isIntactWalObject(
  storage: Pick<Storage, 'get'>,
  objectName: string,
  signal: AbortSignal,
): Promise<boolean> {
  return isIntactWal(await storage.get(objectName, {}, signal))
}

/** What goes into the header; the file is held to its name here. */
function describe(file: WalFile): Pick<WalHeader, 'name' | 'systemIdentifier' | 'segmentBytes' | 'facts'> {
  const { name, systemIdentifier, content, isPart } = file
  const wal = parseWalName(name)
  const base = { name, systemIdentifier }
  if (wal === undefined) throw new Failure('usage', `Cannot store "${name}": it is no file of WAL`)
  if (wal.kind === 'history' || wal.kind === 'label') return base
  const header = readSegmentHeader(content)
  const wrong = (found: string): Failure => new Failure('usage', `Cannot store WAL "${name}": ${found}`)
  if (header === undefined) throw wrong('its first page is not that of a segment')
  const { segmentBytes } = header
  const place = BigInt(wal.log) * 2n ** 32n + BigInt(wal.part) * BigInt(segmentBytes)
  if (header.systemIdentifier !== systemIdentifier) throw wrong(`it is of system ${header.systemIdentifier}`)
  // The first segment of a timeline begins with pages of the one before it.
  if (header.start !== place || header.timeline > wal.timeline) throw wrong('it is another segment of the log')
  const isRightLength = isPart ? content.length < segmentBytes : content.length === segmentBytes
  if (!isRightLength) throw wrong(`it has ${content.length} bytes, and its segments have ${segmentBytes}`)
  return { ...base, segmentBytes, facts: segmentFacts(content, header) }
}
