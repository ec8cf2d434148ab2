import { Failure } from '../../base/failure.ts'

/** A place in the write-ahead log: bytes from its beginning. */
export type Lsn = bigint

/** From "16/B374D848", as the server writes it. */
export function parseLsn(text: string): Lsn {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text)
  if (match === null)
    throw new Failure('usage', `Cannot read the WAL position "${text}": expected the form "16/B374D848"`)
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`)
}

export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16).toUpperCase()}/${(lsn & 0xffffffffn).toString(16).toUpperCase()}`
}

/** "000000010000001600000002": the file that holds this position. */
export function walFileName(timeline: number, lsn: Lsn, segmentBytes: number): string {
  const segment = lsn / BigInt(segmentBytes)
  const perLog = 0x1_0000_0000n / BigInt(segmentBytes)
  return part(BigInt(timeline)) + part(segment / perLog) + part(segment % perLog)
}

function part(value: bigint): string {
  return value.toString(16).toUpperCase().padStart(8, '0')
}
