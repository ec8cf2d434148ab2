import { fromHex, toHex } from '../base/hex.ts'
import type { PackedBlob } from '../model/blob.ts'
import { type Id, parseId } from '../model/id.ts'
import { type HandedEntries, type IndexSink, scanIndex } from './index-scanner.ts'
import { JsonReader } from './json-reader.ts'

/** The blobs of one pack, as an index lists them. */
export interface IndexedPack {
  readonly id: Id
  readonly blobs: readonly PackedBlob[]
}

/** One object below "index/". */
export interface IndexData {
  readonly packs: readonly IndexedPack[]
  /** Indexes that this one replaces; written by old restic only, and ignored by the new one. */
  readonly supersedes?: readonly Id[]
}

/** JSON of an index, byte for byte as restic writes it. */
export function encodeIndex(index: { readonly packs: Iterable<IndexedPack> }): Buffer {
  const packs: string[] = []
  for (const pack of index.packs) packs.push(`{"id":"${pack.id}","blobs":[${pack.blobs.map(encodeBlob).join(',')}]}`)
  return Buffer.from(`{"packs":[${packs.join(',')}]}\n`, 'latin1')
}

function encodeBlob(blob: PackedBlob): string {
  const { id, type, offset, length, uncompressedLength } = blob
  const uncompressed = uncompressedLength ? `,"uncompressed_length":${uncompressedLength}` : ''
  return `{"id":"${id}","type":"${type}","offset":${offset},"length":${length}${uncompressed}}`
}

/**
 * Hands every entry of an index to the sink. The form that restic and this program write is scanned as bytes, at
 * some ten million entries a second; any other JSON of the same meaning is parsed.
 */
export function readIndex(bytes: Uint8Array, sink: IndexSink, what: string): void {
  const handed = scanIndex(bytes, sink)
  if (handed === 'all') return
  // The scanner stopped within the text after it had handed over some entries, which must not be given twice.
  const rest = skipping(sink, handed)
  const reader = JsonReader.parse(bytes, what)
  for (const entry of reader.list('packs')) {
    const pack = new JsonReader(entry, what)
    rest.pack(fromHex(pack.id('id')))
    for (const blobEntry of pack.list('blobs')) {
      const blob = new JsonReader(blobEntry, what)
      const type = blob.text('type')
      if (type !== 'data' && type !== 'tree') throw blob.unexpected('type', '"data" or "tree"')
      const [offset, length, uncompressedLength] = ['offset', 'length', 'uncompressed_length'].map((key) => {
        if (blob.count(key) > 0xffff_ffff) throw blob.unexpected(key, 'less than 2^32')
        return blob.count(key)
      }) as [number, number, number]
      rest.blob(fromHex(blob.id('id')), type, offset, length, uncompressedLength)
    }
  }
}

/** The whole index as objects; for readers that want few of them. */
export function decodeIndex(bytes: Uint8Array, what: string): IndexData {
  const packs: IndexedPack[] = []
  let blobs: PackedBlob[] = []
  readIndex(
    bytes,
    {
      pack: (id) => {
        blobs = []
        packs.push({ id: toHex(id), blobs })
      },
      blob: (id, type, offset, length, uncompressed) => {
        const uncompressedLength = uncompressed === 0 ? undefined : uncompressed
        blobs.push({ id: toHex(id), type, offset, length, uncompressedLength })
      },
    },
    what,
  )
  if (!Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('"supersedes"')) return { packs }
  const supersedes = JsonReader.parse(bytes, what).list('supersedes')
  return { packs, supersedes: supersedes.map((id) => parseId(id, `${what}, "supersedes"`)) }
}

function skipping(sink: IndexSink, handed: HandedEntries): IndexSink {
  let { packs, blobs } = handed
  return {
    pack: (id) => {
      if (packs-- <= 0) sink.pack(id)
    },
    blob: (id, type, offset, length, uncompressedLength) => {
      if (blobs-- <= 0) sink.blob(id, type, offset, length, uncompressedLength)
    },
  }
}
