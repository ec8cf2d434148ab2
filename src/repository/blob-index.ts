import { Failure } from '../base/failure.ts'
import { toHex } from '../base/hex.ts'
import type { BlobType, PackedBlob } from '../model/blob.ts'
import type { Id } from '../model/id.ts'
import { BlobTable, type SharedBlobTable } from './blob-table.ts'

/** Where a blob lies in the repository. */
export interface BlobLocation extends PackedBlob {
  readonly packId: Id
}

/** What a thread needs to attach to an index. It goes through postMessage as it is. */
export interface SharedBlobIndex {
  readonly table: SharedBlobTable
  readonly packs: SharedArrayBuffer
}

/**
 * Every blob that the repository's index files name, in memory that all threads share.
 *
 * A blob is *absent*, then *claimed* (one thread has taken on to store it), then *settled* (it lies in a pack).
 * find() and claim() may be called in every thread at any time; everything that adds packs or settles blobs is
 * for the one thread that created the index, and other threads see it without a message.
 */
export class BlobIndex {
  readonly shared: SharedBlobIndex
  readonly #table: BlobTable
  readonly #owner: boolean
  readonly #packIds: Id[] = []
  readonly #packNumbers = new Map<Id, number>()
  /** Copies of a blob beyond its first, by entry. */
  readonly #copies = new Map<number, BlobPlace[]>()

  private constructor(shared: SharedBlobIndex, table: BlobTable, owner: boolean) {
    this.shared = shared
    this.#table = table
    this.#owner = owner
  }

  /** `blobsExpected` may be wrong; a good guess makes a large index faster. */
  static create(options: { readonly blobsExpected?: number } = {}): BlobIndex {
    const table = BlobTable.create(options.blobsExpected ?? 0)
    const packs = new SharedArrayBuffer(0, { maxByteLength: packsMax * packIdBytes })
    return new BlobIndex({ table: table.shared, packs }, table, true)
  }

  static attach(shared: SharedBlobIndex): BlobIndex {
    return new BlobIndex(shared, BlobTable.attach(shared.table), false)
  }

  /** The entry of a settled blob, or -1. About 100 ns. */
  find(id: Id | Uint8Array, type: BlobType): number {
    const entry = this.#table.lookup(id, type)
    return entry !== -1 && isSettled(this.#table.state(entry)) ? entry : -1
  }

  /** True where the caller now owns storing this blob; false where it is settled, or claimed by somebody. */
  claim(id: Id | Uint8Array, type: BlobType): boolean {
    const entry = this.#table.insert(id, type, stateClaimed)
    return entry >= 0 || this.#table.exchangeState(~entry, stateAbsent, stateClaimed)
  }

  /** Gives a claim back without having stored the blob, so that another may claim it. */
  unclaim(id: Id | Uint8Array, type: BlobType): void {
    const entry = this.#table.lookup(id, type)
    if (entry !== -1) this.#table.exchangeState(entry, stateClaimed, stateAbsent)
  }

  /**
   * Gives back every claim of which no blob came, because the work that made them has ended: after a dry run, or one
   * that failed. Nothing that claims may be under way.
   */
  releaseClaims(): void {
    this.#assertOwner()
    for (let entry = 0; entry < this.#table.entriesEnd; entry++) {
      this.#table.exchangeState(entry, stateClaimed, stateAbsent)
    }
  }

  /** The number of a pack, new or as it was. Numbers count up from 0. */
  addPack(pack: Id | Uint8Array): number {
    this.#assertOwner()
    const packId = typeof pack === 'string' ? pack : toHex(pack)
    const known = this.#packNumbers.get(packId)
    if (known !== undefined) return known
    const number = this.#packIds.length
    if (number >= packsMax) throw new Failure('defect', `Cannot add a pack to the index: it is full with ${packsMax}`)
    const { packs } = this.shared
    const end = (number + 1) * packIdBytes
    if (end > packs.byteLength) packs.grow(Math.min(packs.maxByteLength, end + (end >> 2) + 4096))
    Buffer.from(packs, number * packIdBytes, packIdBytes).write(packId, 'hex')
    this.#packIds.push(packId)
    this.#packNumbers.set(packId, number)
    return number
  }

  /** Settles a blob that lies in a pack, claimed before or not. Another copy of a settled blob is kept as such. */
  add(packNumber: number, blob: BlobInPack): void {
    this.#assertOwner()
    const { offset, length } = blob
    const uncompressedLength = blob.uncompressedLength ?? 0
    if (offset > wordMax || length > wordMax || uncompressedLength > wordMax) {
      throw new Failure('repository_damaged', `Cannot index pack "${this.packId(packNumber)}": a blob ends past 4 GiB`)
    }
    const details = [offset, length, uncompressedLength] as const
    const inserted = this.#table.insert(blob.id, blob.type, packNumber + 1, details)
    if (inserted >= 0) return
    const entry = ~inserted
    if (!isSettled(this.#table.state(entry))) {
      this.#table.describe(entry, packNumber + 1, details)
      return
    }
    if (this.packNumber(entry) === packNumber && this.offset(entry) === offset) return
    const copies = this.#copies.get(entry) ?? []
    if (copies.some((copy) => copy.packNumber === packNumber && copy.offset === offset)) return
    this.#copies.set(entry, [...copies, { packNumber, offset, length, uncompressedLength }])
  }

  /** Settles all blobs of one pack that is stored now. */
  settlePack(packId: Id, blobs: Iterable<BlobInPack>): void {
    const packNumber = this.addPack(packId)
    for (const blob of blobs) this.add(packNumber, blob)
  }

  /**
   * Forgets every place in these packs, because they are gone or can not be relied on: blobs with another copy are
   * found there from now on, the others are absent and can be claimed again. Answers how many are absent now.
   */
  withdrawPacks(packIds: Iterable<Id>): number {
    this.#assertOwner()
    const withdrawn = new Set<number>()
    for (const packId of packIds) withdrawn.add(this.#packNumbers.get(packId) ?? -1)
    for (const [entry, copies] of this.#copies) {
      this.#setCopies(
        entry,
        copies.filter(({ packNumber }) => !withdrawn.has(packNumber)),
      )
    }
    let absent = 0
    for (const entry of this.entries()) {
      const packNumber = this.packNumber(entry)
      if (!withdrawn.has(packNumber)) continue
      const [next, ...rest] = this.#copies.get(entry) ?? []
      if (next === undefined) {
        this.#table.exchangeState(entry, packNumber + 1, stateAbsent)
        absent++
      } else {
        this.#table.describe(entry, next.packNumber + 1, [next.offset, next.length, next.uncompressedLength])
        this.#setCopies(entry, rest)
      }
    }
    return absent
  }

  /** Every settled blob's entry, once, in the order of arrival. */
  *entries(): Generator<number, void, undefined> {
    for (let entry = 0; entry < this.#table.entriesEnd; entry++) if (isSettled(this.#table.state(entry))) yield entry
  }

  /** Entry numbers are below this; arrays over entries (a set of used blobs, say) have this length. */
  get entriesEnd(): number {
    return this.#table.entriesEnd
  }

  /** Number of packs known. Only the owner knows it. */
  get packCount(): number {
    return this.#packIds.length
  }

  packId(packNumber: number): Id {
    return (this.#packIds[packNumber] ??= toHex(
      new Uint8Array(this.shared.packs, packNumber * packIdBytes, packIdBytes),
    ))
  }

  /** The number of a pack that is known, or undefined. Only the owner knows it. */
  findPack(packId: Id): number | undefined {
    return this.#packNumbers.get(packId)
  }

  id(entry: number): Id {
    return this.#table.idBytes(entry).toString('hex')
  }

  /** The 32 bytes of the id, in shared memory: not to be written. */
  idBytes(entry: number): Uint8Array {
    return this.#table.idBytes(entry)
  }

  type(entry: number): BlobType {
    return this.#table.type(entry)
  }

  packNumber(entry: number): number {
    return this.#table.state(entry) - 1
  }

  /** Offset in the pack, bytes. */
  offset(entry: number): number {
    return this.#table.detail(entry, 0)
  }

  /** Sealed length in the pack, bytes. */
  length(entry: number): number {
    return this.#table.detail(entry, 1)
  }

  /** Length before compression, bytes; undefined where it is stored uncompressed. */
  uncompressedLength(entry: number): number | undefined {
    const length = this.#table.detail(entry, 2)
    return length === 0 ? undefined : length
  }

  /** Length of the blob itself, bytes. */
  plaintextLength(entry: number): number {
    return this.uncompressedLength(entry) ?? this.length(entry) - sealedOverhead
  }

  location(entry: number): BlobLocation {
    const place = {
      packNumber: this.packNumber(entry),
      offset: this.offset(entry),
      length: this.length(entry),
      uncompressedLength: this.uncompressedLength(entry) ?? 0,
    }
    return this.#located(entry, place)
  }

  /** Every place of a blob, the preferred one first; none where it is not settled. */
  locations(id: Id | Uint8Array, type: BlobType): BlobLocation[] {
    const entry = this.find(id, type)
    if (entry === -1) return []
    const copies = this.#copies.get(entry) ?? []
    return [this.location(entry), ...copies.map((place) => this.#located(entry, place))]
  }

  /** Places of blobs beyond their first. Only the owner knows them. */
  *copies(): Generator<{ readonly entry: number; readonly location: BlobLocation }, void, undefined> {
    for (const [entry, places] of this.#copies) {
      for (const place of places) yield { entry, location: this.#located(entry, place) }
    }
  }

  /** Every pack known, with the blobs it holds by this index (copies too) in the order of their offsets. */
  *packs(): Generator<{ readonly packId: Id; readonly blobs: BlobLocation[] }, void, undefined> {
    // A counting sort of the entries by pack: one pass counts, one places.
    const starts = new Uint32Array(this.packCount + 1)
    for (const entry of this.entries()) starts[this.packNumber(entry) + 1]!++
    for (let number = 1; number < starts.length; number++) starts[number]! += starts[number - 1]!
    const next = starts.slice()
    const sorted = new Uint32Array(starts.at(-1) ?? 0)
    for (const entry of this.entries()) sorted[next[this.packNumber(entry)]!++] = entry
    const copiesByPack = Map.groupBy(this.copies(), (copy) => copy.location.packId)
    for (let number = 0; number < this.packCount; number++) {
      const packId = this.packId(number)
      const blobs = Array.from(sorted.subarray(starts[number], starts[number + 1]), (entry) => this.location(entry))
      for (const copy of copiesByPack.get(packId) ?? []) blobs.push(copy.location)
      yield { packId, blobs: blobs.sort((a, b) => a.offset - b.offset) }
    }
  }

  /** Settled blobs and their bytes, copies not counted. */
  totals(): BlobTotals {
    const totals = { dataBlobs: 0, treeBlobs: 0, storedBytes: 0, plaintextBytes: 0 }
    for (const entry of this.entries()) {
      if (this.type(entry) === 'tree') totals.treeBlobs++
      else totals.dataBlobs++
      totals.storedBytes += this.length(entry)
      totals.plaintextBytes += this.plaintextLength(entry)
    }
    return totals
  }

  #located(entry: number, place: BlobPlace): BlobLocation {
    return {
      id: this.id(entry),
      type: this.type(entry),
      packId: this.packId(place.packNumber),
      offset: place.offset,
      length: place.length,
      uncompressedLength: place.uncompressedLength === 0 ? undefined : place.uncompressedLength,
    }
  }

  #setCopies(entry: number, copies: BlobPlace[]): void {
    if (copies.length === 0) this.#copies.delete(entry)
    else this.#copies.set(entry, copies)
  }

  #assertOwner(): void {
    if (!this.#owner)
      throw new Failure('defect', 'Cannot change the index: this thread is attached to it, not its owner')
  }
}

export interface BlobTotals {
  readonly dataBlobs: number
  readonly treeBlobs: number
  /** Sealed bytes in packs, without headers. */
  readonly storedBytes: number
  readonly plaintextBytes: number
}

/** A blob of a pack; the id as text or as bytes, whichever is at hand. */
export type BlobInPack = Omit<PackedBlob, 'id'> & { readonly id: Id | Uint8Array }

interface BlobPlace {
  readonly packNumber: number
  readonly offset: number
  readonly length: number
  /** 0 where the blob is stored uncompressed, as in the index entry: an empty blob never is compressed. */
  readonly uncompressedLength: number
}

/** The state word of a settled entry is its pack's number plus one; 0 is void. */
const stateClaimed = 0x7fffffff
const stateAbsent = 0x7ffffffe
const packsMax = 2 ** 24 // 256 TiB of packs of 16 MiB.
const packIdBytes = 32
const wordMax = 0xffffffff
/** Initialisation vector and authenticator, bytes. */
const sealedOverhead = 32

function isSettled(state: number): boolean {
  return state !== 0 && state < stateAbsent
}
