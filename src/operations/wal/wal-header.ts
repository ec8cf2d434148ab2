import { Failure } from '../../base/failure.ts'
import { formatLsn, parseLsn } from '../../sources/postgresql/lsn.ts'
import type { SegmentFacts } from '../../sources/postgresql/segment-facts.ts'

/** What a stored file of the write-ahead log says of itself; sealed, apart from its content, so that it is read alone. */
export interface WalHeader {
  /** As PostgreSQL names the file. */
  readonly name: string
  readonly systemIdentifier: string
  readonly storedAt: Date
  /** Of the content. */
  readonly bytes: number
  /** SHA-256 of the content, hex: binds the content to this header. */
  readonly sha256: string
  readonly compression: 'zstd' | 'none'
  /** Of segments, whole or in part. */
  readonly segmentBytes?: number
  readonly facts?: SegmentFacts
}

/** A header is some hundred bytes; with a hundred restore points some thousand. */
export const headerBytesMax = 64 * 1024

export function encodeWalHeader(header: WalHeader): Buffer {
  const { facts } = header
  return Buffer.from(
    JSON.stringify({
      ...header,
      storedAt: header.storedAt.toISOString(),
      facts: facts === undefined ? undefined : { ...facts, ...encodedFacts(facts) },
    }),
  )
}

/** Failure `repository_damaged` where it is none; its seal was right, so that a later version may have written it. */
export function decodeWalHeader(json: Uint8Array): WalHeader {
  try {
    const parsed = JSON.parse(Buffer.from(json).toString('utf8')) as StoredHeader
    const { name, systemIdentifier, bytes, sha256, compression, segmentBytes, facts } = parsed
    const isWhole =
      typeof name === 'string' &&
      /^\d{1,20}$/.test(systemIdentifier) &&
      Number.isSafeInteger(bytes) &&
      /^[0-9a-f]{64}$/.test(sha256) &&
      (compression === 'zstd' || compression === 'none')
    if (!isWhole) throw new Error('a field is missing or of an unknown form')
    return {
      name,
      systemIdentifier,
      storedAt: new Date(parsed.storedAt),
      bytes,
      sha256,
      compression,
      ...(segmentBytes === undefined ? {} : { segmentBytes }),
      ...(facts === undefined ? {} : { facts: decodedFacts(facts) }),
    }
  } catch (cause) {
    throw new Failure('repository_damaged', 'Cannot read the header of a stored WAL file: it is not of a known form', {
      cause,
    })
  }
}

interface StoredFacts {
  readonly firstEndUs?: string
  readonly lastEndUs?: string
  readonly ends: number
  readonly restorePoints: readonly { readonly name: string; readonly lsn: string }[]
  readonly moreRestorePoints: boolean
  readonly tablespaces?: boolean
  readonly lastRecord?: { readonly start: string; readonly end: string }
}

type StoredHeader = Omit<WalHeader, 'storedAt' | 'facts'> & { readonly storedAt: string; readonly facts?: StoredFacts }

function encodedFacts(facts: SegmentFacts): StoredFacts {
  const { firstEndUs, lastEndUs, lastRecord } = facts
  return {
    ...(firstEndUs === undefined ? {} : { firstEndUs: String(firstEndUs) }),
    ...(lastEndUs === undefined ? {} : { lastEndUs: String(lastEndUs) }),
    ends: facts.ends,
    restorePoints: facts.restorePoints.map(({ name, lsn }) => ({ name, lsn: formatLsn(lsn) })),
    moreRestorePoints: facts.moreRestorePoints,
    ...(facts.tablespaces === undefined ? {} : { tablespaces: facts.tablespaces }),
    ...(lastRecord === undefined
      ? {}
      : { lastRecord: { start: formatLsn(lastRecord.start), end: formatLsn(lastRecord.end) } }),
  }
}

function decodedFacts(stored: StoredFacts): SegmentFacts {
  const { firstEndUs, lastEndUs, lastRecord } = stored
  return {
    firstEndUs: firstEndUs === undefined ? undefined : BigInt(firstEndUs),
    lastEndUs: lastEndUs === undefined ? undefined : BigInt(lastEndUs),
    ends: stored.ends,
    restorePoints: stored.restorePoints.map(({ name, lsn }) => ({ name, lsn: parseLsn(lsn) })),
    moreRestorePoints: stored.moreRestorePoints,
    tablespaces: stored.tablespaces,
    lastRecord:
      lastRecord === undefined ? undefined : { start: parseLsn(lastRecord.start), end: parseLsn(lastRecord.end) },
  }
}
