import type { ByteName } from '../../base/byte-name.ts'
import { decodeName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'

export type TarEntryType = 'file' | 'dir' | 'symlink'

/** One entry of a tar archive, as PostgreSQL writes them (ustar, sizes in base 256 where they are large). */
export interface TarEntry {
  readonly path: ByteName
  readonly type: TarEntryType
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly user: string
  readonly group: string
  /** Seconds since 1970. */
  readonly mtime: number
  readonly size: number
  readonly linkTarget: ByteName
}

export type TarEvent =
  | { readonly kind: 'entry'; readonly entry: TarEntry }
  /** Of the file whose entry came last. */
  | { readonly kind: 'content'; readonly bytes: Uint8Array }
  /** The end of a file's content; empty files have it too. */
  | { readonly kind: 'end' }

const blockBytes = 512

/** Reads a tar archive that comes in pieces of any size. Nothing is kept but a block. Failure `connection_failed` where it is none. */
export class TarReader {
  readonly #block = Buffer.alloc(blockBytes)
  #blockFill = 0
  /** Content, then padding, still to come of the file that is being read. */
  #contentLeft = 0
  #paddingLeft = 0
  #isInFile = false;

  /** What a piece holds. Content is a view of it. */
  *push(bytes: Uint8Array): Generator<TarEvent, void, undefined> {
    let at = 0
    while (at < bytes.length) {
      if (this.#contentLeft > 0) {
        const length = Math.min(this.#contentLeft, bytes.length - at)
        yield { kind: 'content', bytes: bytes.subarray(at, at + length) }
        at += length
        this.#contentLeft -= length
        if (this.#contentLeft === 0) yield* this.#endOfFile()
      } else if (this.#paddingLeft > 0) {
        const length = Math.min(this.#paddingLeft, bytes.length - at)
        at += length
        this.#paddingLeft -= length
      } else {
        const length = Math.min(blockBytes - this.#blockFill, bytes.length - at)
        this.#block.set(bytes.subarray(at, at + length), this.#blockFill)
        at += length
        this.#blockFill += length
        if (this.#blockFill === blockBytes) yield* this.#header()
      }
    }
  }

  /** To be called at the end of the archive: Failure where it ends within a file. */
  end(): void {
    if (this.#contentLeft > 0 || this.#blockFill > 0) throw broken('it ends within an entry')
  }

  *#header(): Generator<TarEvent, void, undefined> {
    this.#blockFill = 0
    const block = this.#block
    if (block.every((byte) => byte === 0)) return // The end of the archive, or padding behind it.
    const entry = decodeHeader(block)
    yield { kind: 'entry', entry }
    if (entry.type !== 'file') return
    this.#isInFile = true
    this.#contentLeft = entry.size
    this.#paddingLeft = (blockBytes - (entry.size % blockBytes)) % blockBytes
    if (entry.size === 0) yield* this.#endOfFile()
  }

  *#endOfFile(): Generator<TarEvent, void, undefined> {
    if (!this.#isInFile) return
    this.#isInFile = false
    yield { kind: 'end' }
  }
}

function decodeHeader(block: Buffer): TarEntry {
  let sum = 256 // The checksum's own eight bytes count as spaces.
  for (let at = 0; at < blockBytes; at++) if (at < 148 || at >= 156) sum += block[at]!
  if (number(block, 148, 8) !== sum) throw broken('the checksum of a header does not fit')
  const prefix = text(block, 345, 155)
  const name = text(block, 0, 100)
  const path = (prefix === '' ? name : `${prefix}/${name}`).replace(/\/+$/, '').replace(/^\.\//, '')
  if (
    path === '' ||
    path.startsWith('/') ||
    path.split('/').some((part) => part === '' || part === '.' || part === '..')
  )
    throw broken(`the name "${path}" is none of a file inside`)
  return {
    path,
    type: typeOf(String.fromCharCode(block[156]!)),
    mode: number(block, 100, 8) & 0o7777,
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    size: number(block, 124, 12),
    mtime: number(block, 136, 12),
    linkTarget: text(block, 157, 100),
    user: text(block, 265, 32),
    group: text(block, 297, 32),
  }
}

function typeOf(letter: string): TarEntryType {
  switch (letter) {
    case '0':
    case '\0':
      return 'file'
    case '5':
      return 'dir'
    case '2':
      return 'symlink'
    default:
      throw broken(`an entry of type "${letter}"`)
  }
}

function text(block: Buffer, start: number, length: number): string {
  const end = block.indexOf(0, start)
  return decodeName(block.subarray(start, end < 0 || end > start + length ? start + length : end))
}

/** Octal digits, or, where the first bit is set, the bytes as a number. */
function number(block: Buffer, start: number, length: number): number {
  if ((block[start]! & 0x80) !== 0) {
    let value = BigInt(block[start]! & 0x7f)
    for (let at = start + 1; at < start + length; at++) value = (value << 8n) | BigInt(block[at]!)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw broken('a number that is too large')
    return Number(value)
  }
  const digits = block.toString('latin1', start, start + length).replace(/[\0 ]+/g, '')
  if (!/^[0-7]*$/.test(digits)) throw broken('a number that is not octal')
  return digits === '' ? 0 : Number.parseInt(digits, 8)
}

function broken(found: string): Failure {
  return new Failure('connection_failed', `Cannot read a tar archive of the server: ${found}`)
}
