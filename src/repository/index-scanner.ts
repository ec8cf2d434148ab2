import type { BlobType } from '../model/blob.ts'
import { idBytes } from '../model/id.ts'

/** Receives the entries of an index in order, without an object for each. */
export interface IndexSink {
  /** The blobs that follow lie in this pack. The bytes are valid until the next call. */
  pack(id: Uint8Array): void
  /** Bytes as above; lengths in bytes, `uncompressedLength` 0 for a blob that is stored uncompressed. */
  blob(id: Uint8Array, type: BlobType, offset: number, length: number, uncompressedLength: number): void
}

/** How many entries a scan handed over before it stopped. */
export interface HandedEntries {
  readonly packs: number
  readonly blobs: number
}

/**
 * Reads the JSON of an index where it has exactly the form that restic writes (no spaces, members in order), byte by
 * byte and without making objects. Answers 'all', or, at the first byte that has another form, what it handed over.
 */
export function scanIndex(bytes: Uint8Array, sink: IndexSink): 'all' | HandedEntries {
  const scanner = new IndexScanner(bytes)
  let packs = 0
  let blobs = 0
  const stopped = (): HandedEntries => ({ packs, blobs })

  if (!scanner.skip(head)) return stopped()
  if (!scanner.skip(closeBracket)) {
    do {
      if (!scanner.skip(packStart) || !scanner.id() || !scanner.skip(packBlobs)) return stopped()
      sink.pack(scanner.lastId)
      packs++
      do {
        if (!scanner.blob()) return stopped()
        sink.blob(scanner.lastId, scanner.type, scanner.offset, scanner.length, scanner.uncompressedLength)
        blobs++
      } while (scanner.skip(comma))
      if (!scanner.skip(packEnd)) return stopped()
    } while (scanner.skip(comma))
    if (!scanner.skip(closeBracket)) return stopped()
  }
  return scanner.skip(closeBrace) && scanner.atEnd() ? 'all' : stopped()
}

const head = Buffer.from('{"packs":[')
const packStart = Buffer.from('{"id":"')
const packBlobs = Buffer.from('","blobs":[')
const packEnd = Buffer.from(']}')
const blobData = Buffer.from('","type":"data","offset":')
const blobTree = Buffer.from('","type":"tree","offset":')
const blobLength = Buffer.from(',"length":')
const blobUncompressed = Buffer.from(',"uncompressed_length":')
const closeBracket = Buffer.from(']')
const closeBrace = Buffer.from('}')
const comma = Buffer.from(',')

const noDigit = 0xff
/** Value of a lower-case hexadecimal digit by its character code. */
const digits = new Uint8Array(256).fill(noDigit)
for (let value = 0; value < 16; value++) digits[value.toString(16).charCodeAt(0)] = value

class IndexScanner {
  readonly lastId = new Uint8Array(idBytes)
  type: BlobType = 'data'
  offset = 0
  length = 0
  uncompressedLength = 0
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Passes over `expected`; where something else stands, stays and answers false. */
  skip(expected: Uint8Array): boolean {
    const bytes = this.#bytes
    const at = this.#at
    for (let index = 0; index < expected.length; index++) if (bytes[at + index] !== expected[index]) return false
    this.#at = at + expected.length
    return true
  }

  /** Nothing but white space is left. */
  atEnd(): boolean {
    for (let at = this.#at; at < this.#bytes.length; at++) if (this.#bytes[at]! > 0x20) return false
    return true
  }

  /** Reads 64 hexadecimal digits into lastId. */
  id(): boolean {
    const bytes = this.#bytes
    const { lastId } = this
    let at = this.#at
    if (at + 2 * idBytes > bytes.length) return false
    let wrong = 0
    for (let index = 0; index < idBytes; index++) {
      const high = digits[bytes[at]!]!
      const low = digits[bytes[at + 1]!]!
      wrong |= high | low
      lastId[index] = (high << 4) | low
      at += 2
    }
    this.#at = at
    return (wrong & 0xf0) === 0
  }

  blob(): boolean {
    if (!this.skip(packStart) || !this.id()) return false
    if (this.skip(blobData)) this.type = 'data'
    else if (this.skip(blobTree)) this.type = 'tree'
    else return false
    this.offset = this.#number()
    if (this.offset < 0 || !this.skip(blobLength)) return false
    this.length = this.#number()
    if (this.length < 0) return false
    this.uncompressedLength = this.skip(blobUncompressed) ? this.#number() : 0
    return this.uncompressedLength >= 0 && this.skip(closeBrace)
  }

  /** A number below 2^32; -1 where there is none. */
  #number(): number {
    const bytes = this.#bytes
    const start = this.#at
    let at = start
    let value = 0
    for (; at < bytes.length; at++) {
      const digit = bytes[at]! - 0x30
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
      if (value > 0xffff_ffff) return -1
    }
    this.#at = at
    return at === start || (bytes[start] === 0x30 && at > start + 1) ? -1 : value
  }
}
