import { Failure } from '../base/failure.ts'
import { type BlobType } from '../model/blob.ts'
import type { Id } from '../model/id.ts'

/**
 * A set of blob handles (id and type) in shared memory: every thread that holds it may look up and insert at the
 * same time, without locks and without messages. Each handle gets an entry of twelve 32-bit words; the first
 * nine are the table's (id, then the state word whose top bit says "tree"), the last three are the caller's.
 *
 * How it stays right without locks: a handle has one fixed sequence of slots, a bucket of sixteen in each of the
 * levels (each level eight times as large as the one before). A slot is written once, from zero, by
 * compare-and-exchange, and nothing is ever removed or moved; so a handle lies in the first slot of its sequence
 * that was free when it came, every thread agrees which one that was, and two threads that insert the same
 * handle meet at the same slot. Levels and entries are grown in place by whoever needs them first.
 *
 * Slots are read without Atomics, which V8 does not inline (eight times slower here). A stale zero is the worst
 * such a read can give: lookup() then misses a blob that came a moment ago, and insert() is put right by its
 * compare-and-exchange. The words of an entry are read through the number that stands in the slot, and
 * processors keep the order of reads where the second's address depends on the first.
 */
export class BlobTable {
  readonly shared: SharedBlobTable
  readonly #used: Int32Array
  /** First slot of each level, and the end of the last one. */
  readonly #levelStarts: readonly number[]
  #slots: Int32Array
  #entries: Int32Array
  /** The id that is looked for, as words. */
  readonly #key = new Int32Array(8)
  /** An entry that this thread drew and lost the race for; -1 where there is none. */
  #spare = -1

  private constructor(shared: SharedBlobTable) {
    this.shared = shared
    this.#levelStarts = levelStartsOf(shared.firstLevelSlots)
    this.#used = new Int32Array(shared.used)
    this.#slots = view(shared.slots)
    this.#entries = view(shared.entries)
  }

  /** A good guess at the number of blobs makes lookups faster: then nearly all lie in the first level. */
  static create(blobsExpected: number): BlobTable {
    const bits = Math.ceil(Math.log2(2 * Math.min(blobsExpected, entriesMax / 2) + 1))
    const firstLevelSlots = 2 ** Math.max(firstLevelBitsMin, bits)
    const slotsMax = levelStartsOf(firstLevelSlots).at(-1)!
    return new BlobTable({
      firstLevelSlots,
      used: new SharedArrayBuffer(4),
      slots: new SharedArrayBuffer(firstLevelSlots * 4, { maxByteLength: slotsMax * 4 }),
      entries: new SharedArrayBuffer(0, { maxByteLength: entriesMax * entryWords * 4 }),
    })
  }

  static attach(shared: SharedBlobTable): BlobTable {
    return new BlobTable(shared)
  }

  /** One more than the largest entry number drawn so far. Some of those below may be void (state word 0). */
  get entriesEnd(): number {
    return Atomics.load(this.#used, 0)
  }

  /** The entry of a handle, or -1. */
  lookup(id: Id | Uint8Array, type: BlobType): number {
    readKey(id, this.#key)
    const tag = tagOf(this.#key)
    for (let step = 0; step < this.#stepsMax; step++) {
      const start = this.#bucketAt(this.#key[0]!, step)
      if (!this.#sees(start + bucketSlots)) return -1
      const slots = this.#slots
      for (let at = start; at < start + bucketSlots; at++) {
        const slot = slots[at]!
        if (slot === 0) return -1
        if (slot >>> entryBits === tag && this.#holds((slot & entryMask) - 1, type)) return (slot & entryMask) - 1
      }
    }
    return -1
  }

  /**
   * Inserts a handle with this state (31 bits, not 0). Answers the new entry, or the bitwise complement of the
   * entry that is there already, which is left alone. `details`, the caller's three words, are written before
   * other threads can see the entry.
   */
  insert(id: Id | Uint8Array, type: BlobType, state: number, details?: readonly [number, number, number]): number {
    readKey(id, this.#key)
    const tag = tagOf(this.#key)
    for (let step = 0; step < this.#stepsMax; step++) {
      const start = this.#bucketAt(this.#key[0]!, step)
      this.#reach(start + bucketSlots, step)
      for (let at = start; at < start + bucketSlots; at++) {
        let slot = this.#slots[at]!
        if (slot === 0) {
          const entry = this.#draw(type, state, details)
          slot = Atomics.compareExchange(this.#slots, at, 0, (tag << entryBits) | (entry + 1))
          if (slot === 0) return entry
          this.#giveBack(entry) // Another thread was first; its handle may be this one, so it is looked at below.
        }
        if (slot >>> entryBits === tag && this.#holds((slot & entryMask) - 1, type)) return ~((slot & entryMask) - 1)
      }
    }
    throw new Failure('defect', `Cannot insert a blob into the index: it is full with ${this.entriesEnd} entries`)
  }

  /** The state word without its type bit; 0 where the entry is void. */
  state(entry: number): number {
    return Atomics.load(this.#entriesTo(entry), entry * entryWords + stateWord) & stateMask
  }

  type(entry: number): BlobType {
    return Atomics.load(this.#entriesTo(entry), entry * entryWords + stateWord) < 0 ? 'tree' : 'data'
  }

  /** Sets the state when it is `from`, and says whether it was. */
  exchangeState(entry: number, from: number, to: number): boolean {
    const at = entry * entryWords + stateWord
    const typeBit = Atomics.load(this.#entriesTo(entry), at) & treeBit
    return Atomics.compareExchange(this.#entries, at, from | typeBit, to | typeBit) === (from | typeBit)
  }

  /** One of the caller's three words (0, 1, 2), as an unsigned number. */
  detail(entry: number, word: 0 | 1 | 2): number {
    return this.#entriesTo(entry)[entry * entryWords + detailWord + word]! >>> 0
  }

  /** Sets the caller's words, then the state: a thread that sees the state sees the words. */
  describe(entry: number, state: number, details: readonly [number, number, number]): void {
    const at = entry * entryWords
    const words = this.#entriesTo(entry)
    for (let word = 0; word < 3; word++) words[at + detailWord + word] = details[word]!
    Atomics.store(words, at + stateWord, (Atomics.load(words, at + stateWord) & treeBit) | state)
  }

  /** The id's bytes: a view of the shared memory, so not to be written. */
  idBytes(entry: number): Buffer {
    this.#entriesTo(entry)
    return Buffer.from(this.shared.entries, entry * entryWords * 4, 32)
  }

  get #stepsMax(): number {
    return this.#levelStarts.length + neighboursMax
  }

  #levelAt(step: number): number {
    return Math.min(step, this.#levelStarts.length - 2)
  }

  /** First slot of the bucket that is searched at this step. */
  #bucketAt(word: number, step: number): number {
    const level = this.#levelAt(step)
    const start = this.#levelStarts[level]!
    const buckets = (this.#levelStarts[level + 1]! - start) / bucketSlots
    return start + (((word >>> 0) + (step - level)) & (buckets - 1)) * bucketSlots
  }

  #holds(entry: number, type: BlobType): boolean {
    const words = this.#entriesTo(entry)
    const key = this.#key
    const at = entry * entryWords
    for (let word = 0; word < 8; word++) if (words[at + word] !== key[word]) return false
    return words[at + stateWord]! < 0 === (type === 'tree')
  }

  /** A view of the entries that reaches to this one. */
  #entriesTo(entry: number): Int32Array {
    if ((entry + 1) * entryWords > this.#entries.length) this.#entries = view(this.shared.entries)
    return this.#entries
  }

  #draw(type: BlobType, state: number, details: readonly [number, number, number] | undefined): number {
    let entry = this.#spare
    this.#spare = -1
    if (entry === -1) entry = Atomics.add(this.#used, 0, 1)
    if (entry >= entriesMax) {
      throw new Failure('defect', `Cannot insert a blob into the index: it is full with ${entriesMax} entries`)
    }
    const endBytes = (entry + 1) * entryWords * 4
    if (endBytes > this.shared.entries.byteLength) grow(this.shared.entries, endBytes + (endBytes >> 2) + growthBytes)
    const words = this.#entriesTo(entry)
    const at = entry * entryWords
    for (let word = 0; word < 8; word++) words[at + word] = this.#key[word]!
    for (let word = 0; word < 3; word++) words[at + detailWord + word] = details?.[word] ?? 0
    Atomics.store(words, at + stateWord, type === 'tree' ? state | treeBit : state)
    return entry
  }

  #giveBack(entry: number): void {
    Atomics.store(this.#entries, entry * entryWords + stateWord, 0)
    this.#spare = entry
  }

  /** Whether the slots before `end` exist already. */
  #sees(end: number): boolean {
    if (end > this.#slots.length) this.#slots = view(this.shared.slots)
    return end <= this.#slots.length
  }

  #reach(end: number, step: number): void {
    if (this.#sees(end)) return
    grow(this.shared.slots, this.#levelStarts[this.#levelAt(step) + 1]! * 4)
    this.#slots = view(this.shared.slots)
  }
}

/** First slots of the levels, each eight times as large as the one before, and the end of the last one. */
function levelStartsOf(firstLevelSlots: number): number[] {
  const starts = [0, firstLevelSlots]
  for (let slots = firstLevelSlots * 8; starts.at(-1)! < 2 * entriesMax; slots *= 8) starts.push(starts.at(-1)! + slots)
  return starts
}

/** What another thread needs to attach. It goes through postMessage as it is. */
export interface SharedBlobTable {
  readonly firstLevelSlots: number
  readonly used: SharedArrayBuffer
  readonly slots: SharedArrayBuffer
  readonly entries: SharedArrayBuffer
}

/** A slot holds the entry's number plus one in its low bits, and six bits of the id to spare most comparisons. */
const entryBits = 26
const entryMask = (1 << entryBits) - 1
const entriesMax = entryMask // 67 million blobs: 64 TiB at a mean of 1 MiB.
const entryWords = 12
const stateWord = 8
const detailWord = 9
const treeBit = 1 << 31
const stateMask = 0x7fffffff
/** Entries grow by at least this much at once, since each growth is a system call. */
const growthBytes = 1024 * 1024
/** Sixteen slots are one line of the processor's cache. */
const bucketSlots = 16
const firstLevelBitsMin = 15
/**
 * Past the last level the search goes on to the neighbours there. Somebody who crafts files whose ids share
 * their first bits can fill a bucket in every level; that many neighbours let such a backup go on.
 */
const neighboursMax = 65_536

function tagOf(key: Int32Array): number {
  return key[1]! >>> entryBits
}

/** The words of an id, as they lie in memory (little-endian). */
function readKey(id: Id | Uint8Array, key: Int32Array): void {
  if (typeof id === 'string') {
    for (let word = 0, at = 0; word < 8; word++, at += 8) {
      key[word] =
        (digit(id, at) << 4) |
        digit(id, at + 1) |
        (digit(id, at + 2) << 12) |
        (digit(id, at + 3) << 8) |
        (digit(id, at + 4) << 20) |
        (digit(id, at + 5) << 16) |
        (digit(id, at + 6) << 28) |
        (digit(id, at + 7) << 24)
    }
  } else {
    for (let word = 0, at = 0; word < 8; word++, at += 4) {
      key[word] = id[at]! | (id[at + 1]! << 8) | (id[at + 2]! << 16) | (id[at + 3]! << 24)
    }
  }
}

/** Value of a lower-case hexadecimal digit. */
function digit(text: string, at: number): number {
  const code = text.charCodeAt(at)
  return code < 0x3a ? code - 0x30 : code - 0x57
}

/** A view of fixed length: reading through one that follows the growth costs ten times as much. */
function view(shared: SharedArrayBuffer): Int32Array {
  return new Int32Array(shared, 0, Math.floor(shared.byteLength / 4))
}

/** Grows to at least so many bytes. Another thread may do the same or more at the same moment. */
function grow(shared: SharedArrayBuffer, bytes: number): void {
  const wanted = Math.min(bytes, shared.maxByteLength)
  try {
    if (shared.byteLength < wanted) shared.grow(wanted)
  } catch (error) {
    // A RangeError is how the engine answers when another thread grew it further in between: nothing is lost then.
    if (shared.byteLength < wanted) {
      throw new Failure('unsupported', `Cannot enlarge the index to ${wanted} bytes: no memory`, { cause: error })
    }
  }
}
