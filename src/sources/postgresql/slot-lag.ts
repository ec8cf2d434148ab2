import type { PostgresqlConnection } from './connection.ts'

/** How much WAL a slot makes the server keep. */
export interface SlotFacts {
  readonly slot: string
  readonly isActive: boolean
  /** Between what the slot keeps and what is written now, bytes. */
  readonly keptBytes: number
  /** "reserved", "extended", "unreserved" or "lost", as the server says. */
  readonly walStatus: string
  /** What may still be written before the slot loses WAL; undefined where the server has no limit. */
  readonly bytesUntilLost: number | undefined
}

export interface SlotLimits {
  /** From here on there is a warning, bytes. */
  readonly warnBytes: number
  /** From here on the slot is dropped, so that the server's disk does not fill; never where it is not given. */
  readonly dropBytes: number | undefined
}

export type SlotJudgement =
  | { readonly state: 'well' }
  | { readonly state: 'warn' | 'drop' | 'lost'; readonly message: string }

/** Over any SQL connection; undefined where there is no such slot. */
export async function readSlotFacts(connection: PostgresqlConnection, slot: string): Promise<SlotFacts | undefined> {
  const [row] = await connection.query(
    `SELECT active, wal_status, safe_wal_size,
            pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END,
                            restart_lsn) AS kept
       FROM pg_replication_slots WHERE slot_name = $1 AND slot_type = 'physical'`,
    [slot],
  )
  if (row === undefined) return undefined
  const safe = row.safe_wal_size
  return {
    slot,
    isActive: row.active === 't',
    keptBytes: Math.max(0, Number(row.kept ?? 0)),
    walStatus: row.wal_status ?? 'lost',
    bytesUntilLost: safe === null || safe === undefined ? undefined : Number(safe),
  }
}

/** Pure. Says with numbers what is wrong, and drops only where the limits say so. */
export function judgeSlot(facts: SlotFacts, limits: SlotLimits): SlotJudgement {
  const { slot, keptBytes, walStatus, bytesUntilLost } = facts
  const active = facts.isActive ? 'a receiver is connected' : 'no receiver is connected'
  const numbers = `it keeps ${mebibytes(keptBytes)} MiB of WAL on the server, ${active}`
  if (walStatus === 'lost') {
    return { state: 'lost', message: `Replication slot "${slot}" has lost WAL that was not received; ${numbers}` }
  }
  if (limits.dropBytes !== undefined && keptBytes >= limits.dropBytes) {
    return {
      state: 'drop',
      message: `Replication slot "${slot}" is over its limit of ${mebibytes(limits.dropBytes)} MiB; ${numbers}`,
    }
  }
  const nearlyLost = bytesUntilLost !== undefined && bytesUntilLost < limits.warnBytes / 10
  if (keptBytes < limits.warnBytes && !nearlyLost && walStatus !== 'unreserved') return { state: 'well' }
  const until =
    bytesUntilLost === undefined ? '' : `; after ${mebibytes(Math.max(0, bytesUntilLost))} MiB more it loses WAL`
  const drop = limits.dropBytes === undefined ? '' : `; at ${mebibytes(limits.dropBytes)} MiB it is dropped`
  return { state: 'warn', message: `Replication slot "${slot}" lags: ${numbers}${until}${drop}` }
}

function mebibytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0)
}
