import type { Clock } from '../../base/clock.ts'
import type { DatabaseSession } from './database-session.ts'
import { formatLsn, type Lsn, parseLsn } from './lsn.ts'
import { readSequences, type SequenceValue } from './sequence-values.ts'
import { parseSnapshot, sees, type TransactionSnapshot, wholeXid } from './transaction-snapshot.ts'
import type { WalEvent } from './wal-scanner.ts'
import type { WalWindow } from './wal-window.ts'

/** A restore point, and views of all databases that belong to it. */
export interface RestorePointView {
  readonly restorePoint: string
  /** Where it ends: recovery stops here. */
  readonly lsn: Lsn
  /** Transactions that recovery brings and a view does not see; with none, and `isExact`, both are the same. */
  readonly missing: readonly string[]
  readonly isExact: boolean
  /** By database. */
  readonly sequences: ReadonlyMap<string, readonly SequenceValue[]>
}

export interface ViewRequest {
  /** One for each database, not in a transaction; they hold their views afterwards. */
  readonly sessions: readonly [DatabaseSession, ...DatabaseSession[]]
  /** Another one, which has the log written out. */
  readonly flusher: DatabaseSession
  /** Reads the log up to here into the window. */
  readonly readTo: (lsn: Lsn) => Promise<void>
  readonly window: WalWindow
  /** The names of restore points begin so; at most 50 characters. */
  readonly namePrefix: string
  readonly clock: Clock
}

/** A server that is busy all the time is tried so often, so long and over so much log; then the view is bounded only. */
const attemptsMax = 200
const attemptsMsMax = 20_000
const windowBytesMax = 64 * 1024 * 1024

/**
 * Makes restore points until there is one of which the views are known to see exactly the transactions whose ends are
 * in the log before it: looked up in the log itself, since a transaction that is being committed is in the log before
 * views see it. Sequences, which keep to no view, must stand still from before the views to behind the restore point.
 */
export async function openRestorePointView(request: ViewRequest): Promise<RestorePointView> {
  const { clock, window } = request
  const beginMs = clock.monotonicMs()
  for (let attempt = 1; ; attempt++) {
    const view = await attemptView(request, `${request.namePrefix}_${attempt}`)
    const isLast =
      attempt >= attemptsMax || clock.monotonicMs() - beginMs > attemptsMsMax || window.bytes > windowBytesMax
    if (view.isExact || isLast) return view
  }
}

async function attemptView(request: ViewRequest, name: string): Promise<RestorePointView> {
  const { sessions, flusher, window } = request
  const [first, ...others] = sessions
  for (const session of sessions) await session.endView()
  const before = await sequencesOf(sessions)
  const snapshots = await Promise.all(others.map(async (session) => await beginView(session)))
  await first.beginView()
  // One statement, so that hardly anything can come between the view and the restore point.
  const row = await first.row(
    'SELECT pg_current_snapshot()::text AS snapshot, pg_create_restore_point($1)::text AS lsn',
    [name],
  )
  snapshots.push(parseSnapshot(row.snapshot!))
  const lsn = parseLsn(row.lsn!)
  const waiting = await flushLog(flusher)
  await request.readTo(lsn)
  const after = await sequencesOf(sessions)
  const { events, end } = window.events()
  const isWhole = end >= lsn && events.some((event) => event.kind === 'restore point' && event.name === name)
  const missing = missingFrom(snapshots, events, waiting)
  const isStill = JSON.stringify([...before]) === JSON.stringify([...after])
  return { restorePoint: name, lsn, missing, isExact: isWhole && isStill && missing.length === 0, sequences: after }
}

async function beginView(session: DatabaseSession): Promise<TransactionSnapshot> {
  await session.beginView()
  return parseSnapshot((await session.row('SELECT pg_current_snapshot()::text AS snapshot')).snapshot!)
}

/**
 * Has the server write its log to disk, up to now: that is what a transaction's end does; only then it is streamed.
 * Answers the transactions that wait for a synchronous standby: their ends may lie far back in the log.
 */
async function flushLog(flusher: DatabaseSession): Promise<readonly string[]> {
  await flusher.query('BEGIN')
  await flusher.query('SELECT pg_current_xact_id()')
  await flusher.query('COMMIT')
  const rows = await flusher.query(
    `SELECT backend_xid::text AS xid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_xid IS NOT NULL`,
  )
  return rows.map((row) => row.xid!)
}

async function sequencesOf(
  sessions: readonly DatabaseSession[],
): Promise<ReadonlyMap<string, readonly SequenceValue[]>> {
  return new Map(
    await Promise.all(sessions.map(async (session) => [session.database, await readSequences(session)] as const)),
  )
}

/** The transactions whose end is in the log, or may be, and that not all views see. */
export function missingFrom(
  snapshots: readonly TransactionSnapshot[],
  events: readonly WalEvent[],
  waiting: readonly string[],
): string[] {
  const missing = new Set<string>()
  for (const event of events) {
    if (event.kind !== 'commit') continue
    const { xid } = event
    if (xid === 0) continue
    // A prepared transaction's end names it elsewhere in its record: it counts as missing.
    if (xid === undefined) missing.add(`prepared, ended at ${formatLsn(event.lsn)}`)
    else if (!snapshots.every((snapshot) => sees(snapshot, xid))) missing.add(`${wholeXid(xid, snapshots[0]!)}`)
  }
  for (const xid of waiting) {
    if (!snapshots.every((snapshot) => sees(snapshot, Number(xid)))) missing.add(xid)
  }
  return [...missing]
}
