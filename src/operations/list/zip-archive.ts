import { Readable } from 'node:stream'
import { crc32, createDeflateRaw } from 'node:zlib'
import { encodeName } from '../../base/byte-name.ts'
import { goZeroTime, parseGoTime } from '../../model/go-time.ts'
import type { Node } from '../../model/node.ts'
import type { ArchiveEntry } from './dump.ts'
import { readContent } from './read-content.ts'
import { nameInArchive } from './tar-archive.ts'
import type { BlobSource } from './tree-source.ts'
import { zipCentralHeader, type ZipEntry, zipDataDescriptor, zipEnd, zipLocalHeader } from './zip-records.ts'

/**
 * A zip archive of these entries: files (deflated), directories and symlinks. Everything else has no form in zip and
 * is left out, as restic does.
 */
export async function* zipArchive(
  source: BlobSource,
  entries: AsyncIterable<ArchiveEntry>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const central: Buffer[] = []
  let written = 0
  for await (const { path, node } of entries) {
    const entry = zipEntry(nameInArchive(path, node), node, written)
    if (entry === undefined) continue
    for await (const chunk of entryBytes(source, node, entry, signal)) {
      written += chunk.length
      yield chunk
    }
    central.push(zipCentralHeader(entry))
  }
  yield* central
  const centralBytes = central.reduce((total, header) => total + header.length, 0)
  yield zipEnd({ entries: central.length, centralStart: written, centralBytes })
}

/** From this size on an entry has 64-bit fields; a deflated file may be a little longer than the file. */
const largeBytes = 0xf000_0000

/** Undefined for types that zip has not. */
function zipEntry(name: string, node: Node, start: number): ZipEntry | undefined {
  if (node.type !== 'file' && node.type !== 'dir' && node.type !== 'symlink') return undefined
  return {
    name: encodeName(name),
    isUtf8: name.isWellFormed(),
    type: node.type,
    permissions: node.mode ?? 0,
    mtimeSeconds: parseGoTime(node.mtime ?? goZeroTime).seconds,
    start,
    large: (node.size ?? 0) >= largeBytes,
    crc: 0,
    bytes: 0,
    storedBytes: 0,
  }
}

async function* entryBytes(
  source: BlobSource,
  node: Node,
  entry: ZipEntry,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const counted = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of chunks) {
      entry.crc = crc32(chunk, entry.crc)
      entry.bytes += chunk.length
      yield chunk
    }
  }
  yield zipLocalHeader(entry)
  if (node.type === 'file') {
    const deflated = Readable.from(counted(readContent(source, node, signal)), { objectMode: true })
    for await (const chunk of deflated.compose(createDeflateRaw()) as AsyncIterable<Buffer>) {
      entry.storedBytes += chunk.length
      yield chunk
    }
  } else if (node.type === 'symlink') {
    const target = encodeName(node.linktarget ?? '')
    entry.crc = crc32(target)
    entry.bytes = target.length
    entry.storedBytes = target.length
    yield target
  }
  yield zipDataDescriptor(entry)
}
