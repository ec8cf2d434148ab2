import { readFile, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { Failure } from '../../base/failure.ts'
import { readControlFile } from '../../sources/postgresql/control-file.ts'
import type { WalPiece } from '../../model/wal-stand.ts'
import { isSegmentBytes, parseWalName, segmentNumber, segmentStart } from '../../sources/postgresql/wal-name.ts'
import { readSegmentHeader } from '../../sources/postgresql/wal-segment-header.ts'
import type { WalArchive } from './wal-archive.ts'

/** PostgreSQL's largest segment. */
const fileBytesMax = 2 ** 30

/** What became of a file that was handed over. */
export interface WalPushed {
  readonly state: 'stored' | 'exists'
  /** What of the log it is; undefined of a file that is no whole segment. */
  readonly piece: WalPiece | undefined
}

/**
 * Stores a file that PostgreSQL hands over: what archive_command calls with %p. When it resolves the file is durable, and
 * PostgreSQL may forget it; it may be called again for the same file, and while a receiver stores it too. Failures:
 * `wal_conflict` where another content is stored under this name, `usage` where it is no file of WAL, and those of the
 * storage. PostgreSQL keeps the file and tries again after any of them.
 */
export async function walPush(
  request: { readonly archive: WalArchive /** An absolute path. */; readonly path: string },
  signal: AbortSignal,
): Promise<WalPushed> {
  const { archive, path } = request
  const name = basename(path)
  const wal = parseWalName(name)
  if (wal === undefined) {
    throw new Failure('usage', `Cannot store "${path}": expected a segment, a history or a label of PostgreSQL's WAL`)
  }
  const { content, writtenAt } = await readWalFile(path)
  const isSegment = wal.kind === 'segment' || wal.kind === 'partial'
  // A segment says itself whose it is; for the others it is asked of the cluster that they lie in: <data>/pg_wal/<name>.
  const systemIdentifier = isSegment
    ? readSegmentHeader(content)?.systemIdentifier
    : (await readControlFile(dirname(dirname(path)))).systemIdentifier
  if (systemIdentifier === undefined) {
    throw new Failure('usage', `Cannot store "${path}": its first page is not that of a WAL segment`)
  }
  const state = await archive.put({ systemIdentifier, name, content, isPart: false }, signal)
  if (wal.kind !== 'segment' || !isSegmentBytes(content.length)) return { state, piece: undefined }
  const segment = segmentNumber(wal, content.length)
  const [begin, end] = [segmentStart(segment, content.length), segmentStart(segment + 1, content.length)]
  return { state, piece: { systemIdentifier, timeline: wal.timeline, begin, end, until: writtenAt } }
}

/** The server went on to the next segment when it had written this one for the last time. */
async function readWalFile(path: string): Promise<{ readonly content: Buffer; readonly writtenAt: Date }> {
  try {
    const { size, mtime } = await stat(path)
    if (size <= fileBytesMax) return { content: await readFile(path), writtenAt: mtime }
  } catch (cause) {
    throw new Failure('source_unreadable', `Cannot read WAL file "${path}"`, { cause })
  }
  throw new Failure('usage', `Cannot store "${path}": it is larger than any segment, expected at most 1 GiB`)
}
