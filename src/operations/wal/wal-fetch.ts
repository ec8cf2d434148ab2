import { access, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure } from '../../base/failure.ts'
import type { Lsn } from '../../sources/postgresql/lsn.ts'
import {
  parseWalName,
  segmentName,
  segmentNumber,
  segmentStart,
  type WalName,
} from '../../sources/postgresql/wal-name.ts'
import { WalScanner } from '../../sources/postgresql/wal-scanner.ts'
import { readSegmentHeader } from '../../sources/postgresql/wal-segment-header.ts'
import type { WalArchive } from './wal-archive.ts'
import { WalSpool, writeWhole } from './wal-spool.ts'
import { keepInside, mayMakeTablespaces } from './wal-tablespaces.ts'

export interface WalFetchRequest {
  readonly archive: WalArchive
  readonly systemIdentifier: string
  /** What restore_command gives for %f. */
  readonly name: string
  /** For %p, absolute. */
  readonly path: string
  /** Of the cluster, from its control file. */
  readonly segmentBytes: number
  /** Where segments wait that were fetched before they were asked for; none where it is not given. */
  readonly spoolFolder: string | undefined
  /** The cluster's own pg_wal, where the server looks when it is told that a file is absent. */
  readonly walFolder: string
  readonly processId: number
  /** Where content may lie while it is written: for one call at a time. */
  readonly buffer?: Buffer
  /** Whether what is written is synced: a server that will do so then has nothing to wait for. */
  readonly durable?: boolean
}

/**
 * What `wal fetch` ends with. PostgreSQL takes 1 to 125 for "there is no such file", which ends a recovery in good order;
 * whatever else went wrong must be more than that, and stops it. Node itself ends with 1 where it can not even load the
 * program, so that `absent` is a number of its own here: bin/zakops-backup makes 1 of it, and 200 of all that is not known.
 */
export const walFetchExitCodes = { fetched: 0, absent: 66, failed: 200 } as const

/**
 * `at hand`: the cluster's own pg_wal has the whole segment, where the server looks next. `more at hand`: its beginning is
 * stored, and pg_wal has more of it. `absent`: it is not stored in any place that the archive has. For the last two, who
 * knows of places that the archive has not must look at those before the server is told so.
 */
export type WalAnswer = 'fetched' | 'at hand' | 'more at hand' | 'absent'

/**
 * Writes a stored file to where the server wants it: verified, and whole or not at all. A segment of which only the
 * beginning was received is filled up with zeros, as a server's own last segment is. Failure `wal_gap` where the segment
 * is missing though any later one of its timeline is stored: the server must not take that for the end. Where the
 * cluster's own pg_wal has more of a segment than is stored, nothing is written either, and the server takes that.
 *
 * A cluster that recovers to a point in time makes the tablespaces that are made in a segment inside its own folder, by
 * keepTablespacesInside(); a standby, which is to be like its primary, makes them where that has them.
 */
export async function walFetch(request: WalFetchRequest, signal: AbortSignal): Promise<WalAnswer> {
  const { archive, systemIdentifier, name, path, spoolFolder, processId } = request
  const wal = parseWalName(name)
  if (wal === undefined) throw new Failure('usage', `Cannot fetch "${name}": expected a file name of PostgreSQL's WAL`)
  if (spoolFolder !== undefined) {
    const spool = new WalSpool(spoolFolder, { archive, systemIdentifier, processId })
    if (await spool.take(name, path)) return 'fetched'
  }
  const found = await archive.get({ systemIdentifier, name }, signal, request.buffer)
  const content = found?.content ?? (await longestPart(request, wal, signal))
  if (typeof content === 'string') return content
  const mayMake = found === undefined || mayMakeTablespaces(found)
  if (wal.kind === 'segment' && mayMake && (await recoversToPoint(dirname(request.walFolder)))) {
    const segment = segmentNumber(wal, request.segmentBytes)
    const place = { timeline: wal.timeline, segment, segmentBytes: request.segmentBytes }
    await keepInside(content, place, (other) => findContent({ ...request, name: other }, signal))
  }
  await writeWhole(path, content, { processId, durable: request.durable ?? false })
  return 'fetched'
}

/** By the files that say so to the server too. */
async function recoversToPoint(dataFolder: string): Promise<boolean> {
  const isThere = (name: string): Promise<boolean> =>
    access(join(dataFolder, name)).then(
      () => true,
      () => false, // Whatever hides it from us hides it from the server too.
    )
  return (await isThere('recovery.signal')) && !(await isThere('standby.signal'))
}

/** The names of the segments that follow on one, as many as there may be. */
export function* segmentsAfter(name: string, segmentBytes: number, count: number): Generator<string, void, undefined> {
  const wal = parseWalName(name)
  if (wal?.kind !== 'segment') return
  const segment = segmentNumber(wal, segmentBytes)
  for (let next = segment + 1; next <= segment + count; next++) yield segmentName(wal.timeline, next, segmentBytes)
}

/** What there is of a segment that is not stored as a whole, filled up; or that the cluster has more of it, or nobody any. */
async function longestPart(
  request: WalFetchRequest,
  wal: WalName,
  signal: AbortSignal,
): Promise<Buffer | Exclude<WalAnswer, 'fetched'>> {
  const { archive, systemIdentifier, name, segmentBytes } = request
  if (wal.kind !== 'segment') return 'absent'
  const own = await readIfThere(join(request.walFolder, name))
  const atHand = isSegment(own, request, wal) ? extentOf(own) : { end: 0n, isWhole: false }
  if (atHand.isWhole) return 'at hand'
  const later = await laterSegment(request, signal)
  if (later !== undefined) {
    // It may have been stored, and the later one behind it, after it was looked for.
    const now = await archive.get({ systemIdentifier, name }, signal)
    if (now !== undefined) return now.content
    throw new Failure('wal_gap', `Cannot fetch WAL "${name}": it is not stored, though "${later}" is`)
  }
  const stored = await storedPart(request, signal)
  if (stored === undefined) return 'absent'
  if (extentOf(stored).end < atHand.end) return 'more at hand'
  if (stored.length === segmentBytes) return stored
  const content = Buffer.alloc(segmentBytes)
  stored.copy(content)
  return content
}

/** A segment of the same timeline behind the wanted one of which anything is stored, however far behind. */
async function laterSegment(
  { archive, systemIdentifier, name }: WalFetchRequest,
  signal: AbortSignal,
): Promise<string | undefined> {
  const entries = await archive.list(`${systemIdentifier}/${name.slice(0, 8)}/`, signal)
  return entries.find(({ wal, name: other }) => wal.kind === 'segment' && other > name)?.name
}

/** A segment as it is stored, its beginning, or what the cluster has of it. */
async function findContent(request: WalFetchRequest, signal: AbortSignal): Promise<Buffer | undefined> {
  const { archive, systemIdentifier, name, walFolder } = request
  const stored = (await archive.get({ systemIdentifier, name }, signal))?.content ?? (await storedPart(request, signal))
  return stored ?? (await readIfThere(join(walFolder, name)))
}

async function storedPart(
  { archive, systemIdentifier, name }: WalFetchRequest,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const left = await archive.get({ systemIdentifier, name: `${name}.partial` }, signal)
  if (left !== undefined) return left.content
  // The longest beginning; or the whole, if it came while the last beginning went.
  return (await archive.getGrown({ systemIdentifier, name, partBytes: 0 }, signal))?.content
}

/** Whether it is what its name says: a server keeps segments that it will write over under the names of those to come. */
function isSegment(
  content: Uint8Array | undefined,
  { systemIdentifier, segmentBytes }: WalFetchRequest,
  wal: WalName,
): content is Uint8Array {
  const header = content === undefined ? undefined : readSegmentHeader(content)
  if (header === undefined || wal.kind !== 'segment') return false
  const start = segmentStart(segmentNumber(wal, segmentBytes), segmentBytes)
  return header.start === start && header.systemIdentifier === systemIdentifier && header.timeline <= wal.timeline
}

/** How far a segment's records go, and whether they go to its end. */
function extentOf(content: Uint8Array): { readonly end: Lsn; readonly isWhole: boolean } {
  const header = readSegmentHeader(content)
  if (header === undefined) return { end: 0n, isWhole: false }
  const scanner = new WalScanner({ ...header, onEvent: () => {} })
  scanner.feed(content)
  return { end: scanner.lastRecord?.end ?? 0n, isWhole: !scanner.isEnded && content.length === header.segmentBytes }
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch {
    return undefined // Whatever the reason, the server will not find it there either.
  }
}
