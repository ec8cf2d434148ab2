import type { Lsn } from './lsn.ts'
import {
  databaseOf,
  mainData,
  preparedTransaction,
  recordHeaderBytes,
  type SequenceRecord,
  sequenceOf,
} from './wal-record.ts'
import {
  isContinuation,
  isLongHeader,
  isOverwrittenContinuation,
  longPageHeaderBytes,
  pageHeaderBytes,
} from './wal-segment-header.ts'

/** A record at which a recovery can be told to stop. */
export type WalEvent =
  | {
      readonly kind: 'commit' | 'abort'
      /** Where the record begins, and where the next one may: the position that the server calls its end. */
      readonly lsn: Lsn
      readonly end: Lsn
      /** Undefined where it is a prepared transaction's, and so long that its number was not kept. */
      readonly xid: number | undefined
      /** Microseconds since 1970. */
      readonly atUs: bigint
    }
  | {
      readonly kind: 'restore point'
      readonly lsn: Lsn
      readonly end: Lsn
      readonly name: string
      readonly atUs: bigint
    }

export interface ScanOptions {
  readonly blockBytes: number
  /** Where the first bytes that are fed lie: the beginning of a page. */
  readonly start: Lsn
  readonly segmentBytes: number
  readonly onEvent: (event: WalEvent) => void
  /** Told of the records by which tablespaces are made. */
  readonly onTablespace?: (record: { readonly start: Lsn; readonly bytes: number }) => void
  /** Told of where sequences stand from a record on. */
  readonly onSequence?: (record: SequenceRecord, start: Lsn) => void
  /** Told of each database of whose files a transaction changes one; 0 is what all share. */
  readonly onChange?: (database: number, start: Lsn) => void
}

/** Of a record only this much is kept: the header and the first of its data, where all that is wanted lies. */
const headBytesMax = 160
/** The end of a prepared transaction is kept up to so much, since its number stands at its end. */
const preparedBytesMax = 4 * 1024 * 1024
const epochUs = 946_684_800_000_000n
const xlogManager = 0
const transactionManager = 1
const tablespaceManager = 5
const sequenceManager = 15
const tablespaceMade = 0x00
/** Of the head of a record so much must be there to tell what it is. */
const kindBytes = 18
/** A record that makes a tablespace is a path of at most 1024 bytes, and a head. */
export const tablespaceRecordBytesMax = 1100
const xlogSwitch = 0x40
const xlogRestorePoint = 0x70

/**
 * Reads the records of a stretch of the write-ahead log that is fed to it in pieces. A piece may end within a page, where
 * that is behind the page's header and at a multiple of eight bytes. It can begin at any page: the rest of a record that began before is skipped. Checksums of records are not
 * verified: who feeds it knows that the bytes are the server's. It ends (`isEnded`) where the log does: at zeros, at a
 * page of an older use of the file, or at a record that does not follow on the one before it.
 */
export class WalScanner {
  readonly #options: ScanOptions
  #at: Lsn
  #isEnded = false
  /** Bytes of the record under way that are still to come; `undefined` until the first record was found. */
  #left = 0
  #isSynced = false
  /** The rest of the segment is empty behind a switch of segments. */
  #skipTo: Lsn = 0n
  #recordStart: Lsn = 0n
  readonly #shortHead = Buffer.alloc(headBytesMax)
  #head = this.#shortHead
  #headLength = 0
  #magic = 0
  #recordLength = 0
  #lastStart: Lsn | undefined
  #lastEnd: Lsn | undefined

  constructor(options: ScanOptions) {
    this.#options = options
    this.#at = options.start
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Where the last whole record begins, and the byte behind it; undefined before the first one. */
  get lastRecord(): { readonly start: Lsn; readonly end: Lsn } | undefined {
    if (this.#lastStart === undefined || this.#lastEnd === undefined) return undefined
    return { start: this.#lastStart, end: this.#lastEnd }
  }

  /** The record that is not whole yet, where it makes a tablespace, or may: `isCertain` where its head is there. */
  get cutTablespace(): { readonly start: Lsn; readonly bytes: number; readonly isCertain: boolean } | undefined {
    if (this.#isEnded || this.#left === 0 || this.#recordLength === 0) return undefined
    const isCertain = this.#headLength >= kindBytes
    if (isCertain ? !makesTablespace(this.#head) : this.#recordLength > tablespaceRecordBytesMax) return undefined
    return { start: this.#recordStart, bytes: this.#recordLength, isCertain }
  }

  feed(bytes: Uint8Array): void {
    const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const { blockBytes } = this.#options
    let room = blockBytes - Number(this.#at % BigInt(blockBytes))
    for (let from = 0; from < view.length && !this.#isEnded; room = blockBytes) {
      const page = view.subarray(from, Math.min(view.length, from + room))
      if (this.#at >= this.#skipTo) {
        if (room === blockBytes) this.#page(page)
        else this.#records(page, 0)
      }
      this.#at += BigInt(page.length)
      from += page.length
    }
  }

  #page(page: Buffer): void {
    if (page.length < pageHeaderBytes || page.readUInt16LE(0) === 0 || page.readBigUInt64LE(8) !== this.#at) {
      this.#isEnded = true
      return
    }
    const flags = page.readUInt16LE(2)
    this.#magic = page.readUInt16LE(0)
    const continued = (flags & isContinuation) !== 0 ? page.readUInt32LE(16) : 0
    if (!this.#isSynced) {
      this.#skip(continued)
    } else if ((flags & isOverwrittenContinuation) !== 0) {
      this.#left = 0 // The server was killed in the middle of that record, and began anew here.
    } else if (continued !== this.#left) {
      this.#isEnded = true
      return
    }
    this.#records(page, (flags & isLongHeader) !== 0 ? longPageHeaderBytes : pageHeaderBytes)
  }

  /** What stands in a page from here on, or in a part of one. */
  #records(page: Buffer, from: number): void {
    let offset = from
    while (offset < page.length && !this.#isEnded && this.#at >= this.#skipTo) {
      if (this.#left === 0) {
        offset = this.#pass(page, align(offset))
        if (offset + 8 > page.length || !this.#begin(page, offset)) break
      }
      offset = this.#take(page, offset)
    }
  }

  /**
   * Behind the records that lie in the page as a whole and tell nothing, which are nearly all: what tells something, does
   * not follow on the one before it, or is not whole is left to be taken. There may be a hundred thousand in a segment, so
   * that nothing is made for one here.
   */
  #pass(page: Buffer, from: number): number {
    const { onSequence, onChange } = this.#options
    if (this.#lastStart === undefined || onSequence !== undefined || onChange !== undefined) return from
    const [atLow, atHigh] = [Number(this.#at & 0xffff_ffffn), Number(this.#at >> 32n)]
    let [beforeLow, beforeHigh] = [Number(this.#lastStart & 0xffff_ffffn), Number(this.#lastStart >> 32n)]
    let [last, offset] = [-1, from]
    while (offset + recordHeaderBytes <= page.length) {
      const length = page.readUInt32LE(offset)
      if (length < recordHeaderBytes || offset + length > page.length || tells(page[offset + 17]!)) break
      if (page.readUInt32LE(offset + 8) !== beforeLow || page.readUInt32LE(offset + 12) !== beforeHigh) break
      last = offset
      beforeLow = atLow + offset // Within a page, so that nothing is carried.
      beforeHigh = atHigh
      offset = align(offset + length)
    }
    if (last >= 0) {
      this.#lastStart = this.#at + BigInt(last)
      this.#lastEnd = this.#at + BigInt(offset)
    }
    return offset
  }

  /** The rest of a record that began before the first byte that was fed. */
  #skip(bytes: number): void {
    this.#isSynced = true
    this.#left = bytes
    this.#head = this.#shortHead
    this.#headLength = headBytesMax // Nothing of it is kept.
    this.#recordLength = 0
  }

  #begin(page: Buffer, offset: number): boolean {
    const length = page.readUInt32LE(offset)
    if (length < recordHeaderBytes) {
      this.#isEnded = true
      return false
    }
    this.#recordStart = this.#at + BigInt(offset)
    this.#recordLength = length
    this.#left = length
    this.#head = this.#shortHead
    this.#headLength = 0
    return true
  }

  #take(page: Buffer, offset: number): number {
    const taken = Math.min(this.#left, page.length - offset)
    if (this.#headLength < this.#head.length) this.#keep(page.subarray(offset, offset + taken))
    this.#left -= taken
    if (this.#left === 0 && this.#recordLength > 0) this.#finish(this.#at + BigInt(align(offset + taken)))
    return offset + taken
  }

  #keep(bytes: Buffer): void {
    const kept = bytes.copy(this.#head, this.#headLength)
    this.#headLength += kept
    const length = Math.min(this.#recordLength, preparedBytesMax)
    if (this.#headLength < kindBytes || this.#head.length >= length || !endsPrepared(this.#head)) return
    this.#head = Buffer.concat([this.#head.subarray(0, this.#headLength)], length)
    this.#headLength += bytes.copy(this.#head, this.#headLength, kept)
  }

  #finish(end: Lsn): void {
    const head = this.#head.subarray(0, this.#headLength)
    if (this.#lastStart !== undefined && head.readBigUInt64LE(8) !== this.#lastStart) {
      this.#isEnded = true // Left over from an older use of the file.
      return
    }
    this.#lastStart = this.#recordStart
    this.#lastEnd = end
    const manager = head[17]!
    if (manager === transactionManager) this.#transaction(head, end)
    else if (manager === xlogManager) this.#xlog(head, end)
    else if (makesTablespace(head))
      this.#options.onTablespace?.({ start: this.#recordStart, bytes: this.#recordLength })
    this.#change(head, manager)
  }

  #change(head: Buffer, manager: number): void {
    const { onSequence, onChange } = this.#options
    if (onSequence !== undefined && manager === sequenceManager) {
      const sequence = sequenceOf(head)
      if (sequence !== undefined) onSequence(sequence, this.#recordStart)
    }
    if (onChange === undefined || head.readUInt32LE(4) === 0) return
    const database = databaseOf(head)
    if (database !== undefined) onChange(database, this.#recordStart)
  }

  #transaction(head: Buffer, end: Lsn): void {
    const operation = head[16]! & 0x70
    const isPrepared = endsPrepared(head)
    if (operation !== 0x00 && operation !== 0x20 && !isPrepared) return
    const data = mainData(head)
    if (data === undefined || data.length < 8) return
    this.#options.onEvent({
      kind: operation === 0x00 || operation === 0x30 ? 'commit' : 'abort',
      lsn: this.#recordStart,
      end,
      xid: isPrepared ? preparedTransaction(data, head[16]!, this.#magic) : head.readUInt32LE(4),
      atUs: data.readBigInt64LE(0) + epochUs,
    })
  }

  #xlog(head: Buffer, end: Lsn): void {
    const operation = head[16]! & 0xf0
    if (operation === xlogSwitch) {
      const segment = BigInt(this.#options.segmentBytes)
      this.#skipTo = ((end + segment - 1n) / segment) * segment
    }
    if (operation !== xlogRestorePoint) return
    const data = mainData(head)
    if (data === undefined || data.length < 72) return
    const nameEnd = data.indexOf(0, 8)
    const name = data.toString('utf8', 8, nameEnd < 0 ? 72 : Math.min(nameEnd, 72))
    this.#options.onEvent({
      kind: 'restore point',
      lsn: this.#recordStart,
      end,
      name,
      atUs: data.readBigInt64LE(0) + epochUs,
    })
  }
}

/** Whether records of this manager may be among those that somebody is told of, or end the segment. */
function tells(manager: number): boolean {
  return manager === xlogManager || manager === transactionManager || manager === tablespaceManager
}

/** Whether a record is the second phase of a prepared transaction, by which it ends. */
function endsPrepared(head: Buffer): boolean {
  const operation = head[16]! & 0x70
  return head[17] === transactionManager && (operation === 0x30 || operation === 0x40)
}

function makesTablespace(head: Buffer): boolean {
  return head[17] === tablespaceManager && (head[16]! & 0xf0) === tablespaceMade
}

function align(offset: number): number {
  return (offset + 7) & ~7
}
