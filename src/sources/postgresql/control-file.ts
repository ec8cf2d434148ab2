import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../base/failure.ts'
import { isSegmentBytes } from './wal-name.ts'

/** What of a cluster's global/pg_control is needed here; the same in versions 15 to 18. */
export interface ControlFile {
  readonly systemIdentifier: string
  readonly segmentBytes: number
  readonly blockBytes: number
  readonly hasChecksums: boolean
  /** Settings of the server that wrote it; one that recovers must not have less. */
  readonly maxConnections: number
  readonly maxWorkerProcesses: number
  readonly maxWalSenders: number
  readonly maxPreparedTransactions: number
  readonly maxLocksPerTransaction: number
}

/**
 * In the middle of the file stands the number 1234567.0, by which PostgreSQL itself knows whether it reads it rightly.
 * What comes before and behind it has the same order in all these versions, though not the same place in the file.
 */
const floatMark = Buffer.alloc(8)
floatMark.writeDoubleLE(1_234_567)
const alignment = 8

/** Reads the control file of a data folder. Failures: `source_unreadable`, `unsupported` where its form is not known. */
export async function readControlFile(dataFolder: string): Promise<ControlFile> {
  const path = join(dataFolder, 'global/pg_control')
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (cause) {
    throw new Failure('source_unreadable', `Cannot read "${path}", which every data folder of PostgreSQL has`, {
      cause,
      facts: {
        hint: 'It must be a data folder that this user may read. `wal fetch` takes the one in which it is run, as PostgreSQL does; by hand, go there first',
      },
    })
  }
  const control = parseControlFile(bytes)
  if (control === undefined) {
    throw new Failure(
      'unsupported',
      `Cannot read "${path}": its form is not that of PostgreSQL 15 to 18 on this machine`,
    )
  }
  return control
}

export function parseControlFile(bytes: Buffer): ControlFile | undefined {
  const mark = bytes.indexOf(floatMark)
  if (mark < 48 || mark + 48 > bytes.length) return undefined
  // maxAlign stands before the mark, with or without a gap.
  const align = [mark - 4, mark - 8].find((at) => bytes.readUInt32LE(at) === alignment)
  if (align === undefined) return undefined
  const before = (places: number): number => bytes.readInt32LE(align - places * 4)
  const control = {
    systemIdentifier: bytes.readBigUInt64LE(0).toString(),
    segmentBytes: bytes.readUInt32LE(mark + 20),
    blockBytes: bytes.readUInt32LE(mark + 8),
    hasChecksums: bytes.readUInt32LE(mark + 44) !== 0,
    maxConnections: before(6),
    maxWorkerProcesses: before(5),
    maxWalSenders: before(4),
    maxPreparedTransactions: before(3),
    maxLocksPerTransaction: before(2),
  }
  const isPlausible =
    isSegmentBytes(control.segmentBytes) && control.maxConnections > 0 && control.maxLocksPerTransaction > 0
  return isPlausible ? control : undefined
}
