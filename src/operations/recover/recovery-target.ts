import { Failure } from '../../base/failure.ts'
import { formatLsn, parseLsn, type Lsn } from '../../sources/postgresql/lsn.ts'

/** Where a recovery is to stop. */
export type RecoveryTarget =
  /** Behind the last record that is stored. */
  | { readonly kind: 'latest' }
  /** Behind the last transaction that ended at or before this time, microseconds since 1970. */
  | { readonly kind: 'time'; readonly atUs: bigint }
  /** Behind the record at or after this position. */
  | { readonly kind: 'lsn'; readonly lsn: Lsn }
  /** At the restore point of this name. */
  | { readonly kind: 'name'; readonly name: string }
  /** Behind the end of this transaction. */
  | { readonly kind: 'xid'; readonly xid: number }

const timePattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,6}))?)?)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)?$/i
const prefixPattern = /^(time|lsn|name|xid):(.*)$/s

/**
 * From what a person writes: "latest", a time ("2026-11-25 14:00:00+01"; UTC where no zone is given), a position
 * ("16/B374D848"), the number of a transaction, or else the name of a restore point. "time:", "lsn:", "xid:" and "name:"
 * before it say what it is. Failure `usage` where it is not that.
 */
export function parseRecoveryTarget(text: string): RecoveryTarget {
  const [, kind, rest = text] = prefixPattern.exec(text) ?? []
  const wrong = (wanted: string): Failure =>
    new Failure('usage', `Cannot use "${text}" as the target of a recovery: expected ${wanted}`)
  if (kind === undefined && text === 'latest') return { kind: 'latest' }
  if (kind === 'time' || (kind === undefined && /^\d{4}-\d\d-\d\d/.test(rest))) {
    const atUs = parseTimeUs(rest)
    if (atUs === undefined) throw wrong('a time such as "2026-11-25 14:00:00+01"')
    return { kind: 'time', atUs }
  }
  if (kind === 'lsn' || (kind === undefined && /^[0-9A-F]+\/[0-9A-F]+$/i.test(rest))) {
    return { kind: 'lsn', lsn: parseLsn(rest) }
  }
  if (kind === 'xid' || (kind === undefined && /^\d+$/.test(rest))) {
    const xid = Number(rest)
    if (!/^\d{1,20}$/.test(rest) || !Number.isSafeInteger(xid)) throw wrong('the number of a transaction')
    return { kind: 'xid', xid: xid % 2 ** 32 } // The upper half of a long number is the epoch, which WAL does not hold.
  }
  if (rest === '' || Buffer.byteLength(rest) > 63) throw wrong('the name of a restore point, at most 63 bytes')
  return { kind: 'name', name: rest }
}

/** For messages. */
export function describeTarget(target: RecoveryTarget): string {
  switch (target.kind) {
    case 'latest':
      return 'the latest state'
    case 'time':
      return formatTimeUs(target.atUs)
    case 'lsn':
      return `position ${formatLsn(target.lsn)}`
    case 'name':
      return `restore point "${target.name}"`
    case 'xid':
      return `transaction ${target.xid}`
    default:
      return target satisfies never
  }
}

/** Microseconds since 1970 of a time as it is written; undefined where it is none. */
export function parseTimeUs(text: string): bigint | undefined {
  const found = timePattern.exec(text.trim())
  if (found === null) return undefined
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] = found
  const seconds = `${year}-${month}-${day}T${hour}:${minute}:${second}`
  const local = Date.parse(`${seconds}Z`)
  // JavaScript carries the 31st of a shorter month over to the next one.
  if (Number.isNaN(local) || !new Date(local).toISOString().startsWith(seconds)) return undefined
  const offset = /^([+-])(\d\d):?(\d\d)?$/.exec(zone)
  const minutes = offset === null ? 0 : Number(`${offset[1]}1`) * (Number(offset[2]) * 60 + Number(offset[3] ?? 0))
  return BigInt(local - minutes * 60_000) * 1000n + BigInt(fraction.padEnd(6, '0'))
}

/** "2026-11-25 13:00:00.123456+00", as PostgreSQL takes it. */
export function formatTimeUs(atUs: bigint): string {
  const us = ((atUs % 1_000_000n) + 1_000_000n) % 1_000_000n
  const seconds = new Date(Number((atUs - us) / 1000n)).toISOString().slice(0, 19).replace('T', ' ')
  return `${seconds}.${us.toString().padStart(6, '0')}+00`
}
