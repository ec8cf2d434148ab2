import { Failure } from '../../base/failure.ts'
import type { PostgresqlConnection } from './connection.ts'
import { parseLsn, type Lsn } from './lsn.ts'

/** What the server tells a replica of itself. */
export interface SystemPosition {
  readonly systemIdentifier: string
  readonly timeline: number
  /** How far its WAL is on disk. */
  readonly lsn: Lsn
  readonly segmentBytes: number
}

const slotPattern = /^[a-z0-9_]{1,63}$/

export function requireSlotName(slot: string): void {
  if (slotPattern.test(slot)) return
  throw new Failure(
    'usage',
    `Cannot use the replication slot "${slot}": expected small letters, digits and "_", at most 63`,
  )
}

/** Over a connection for replication. */
export async function identifySystem(connection: PostgresqlConnection): Promise<SystemPosition> {
  const system = await connection.row('IDENTIFY_SYSTEM')
  const size = await connection.row('SHOW wal_segment_size')
  const [, number = '', unit] = /^(\d+)(MB|GB|kB)$/.exec(size.wal_segment_size ?? '') ?? []
  const bytes = Number(number) * (unit === 'GB' ? 2 ** 30 : unit === 'MB' ? 2 ** 20 : 1024)
  return {
    systemIdentifier: system.systemid!,
    timeline: Number(system.timeline),
    lsn: parseLsn(system.xlogpos!),
    segmentBytes: bytes,
  }
}

/**
 * From where on the slot keeps WAL, making it where it is absent: it keeps from now on then. Over a connection for
 * replication. Failure `wal_gap` where the server has let go of what the slot was to keep.
 */
export async function openSlot(
  connection: PostgresqlConnection,
  slot: string,
): Promise<{ readonly made: boolean; readonly restartLsn: Lsn | undefined }> {
  requireSlotName(slot)
  const found = await connection.row(`READ_REPLICATION_SLOT "${slot}"`)
  if (found.slot_type === null || found.slot_type === undefined) {
    await connection.query(`CREATE_REPLICATION_SLOT "${slot}" PHYSICAL RESERVE_WAL`)
    const made = await connection.row(`READ_REPLICATION_SLOT "${slot}"`)
    return { made: true, restartLsn: lsnOf(made.restart_lsn) }
  }
  return { made: false, restartLsn: lsnOf(found.restart_lsn) }
}

/** Drops a slot that nobody streams from; nothing happens where there is none. */
export async function dropSlot(connection: PostgresqlConnection, slot: string): Promise<void> {
  requireSlotName(slot)
  const found = await connection.row(`READ_REPLICATION_SLOT "${slot}"`)
  if (found.slot_type !== null && found.slot_type !== undefined)
    await connection.query(`DROP_REPLICATION_SLOT "${slot}"`)
}

function lsnOf(text: string | null | undefined): Lsn | undefined {
  return text === null || text === undefined ? undefined : parseLsn(text)
}
