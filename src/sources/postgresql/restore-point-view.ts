import type { Clock } from '../../base/clock.ts'
import { Failure } from '../../base/failure.ts'
import { readCatalogFingerprint, sharedPart } from './catalog-fingerprint.ts'
import { type DatabaseSession, listDatabases } from './database-session.ts'
import type { EarlyDatabase } from './early-database.ts'
import { formatLsn, type Lsn, parseLsn } from './lsn.ts'
import { type DatabaseReading, isSessionEnded, type ManifestSessions } from './manifest-sessions.ts'
import { listSequences, type SequenceValue } from './sequence-values.ts'
import { commonSnapshot, parseSnapshot, type TransactionSnapshot, unseenBy } from './transaction-snapshot.ts'
import type { WalWindow } from './wal-window.ts'

/** A restore point, and views of all databases that belong to it. */
export interface RestorePointView {
  readonly restorePoint: string
  /** Where it ends: recovery stops here. */
  readonly lsn: Lsn
  /** What recovery may bring and the views do not have: transactions, and what else changed. With none the two are the same. */
  readonly missing: readonly string[]
  /** In the order of their names; each session holds its view. */
  readonly databases: readonly DatabaseView[]
}

export interface DatabaseView {
  readonly session: DatabaseSession
  readonly schemaDigest: string
  readonly sequences: readonly SequenceValue[]
}

export interface ViewRequest {
  /** Empty at first. */
  readonly sessions: ManifestSessions
  /** Another one, in any database, which has the log written out. */
  readonly flusher: DatabaseSession
  /** What was read before, by the database's name: what is not as it was read goes out of it. */
  readonly early: Map<string, EarlyDatabase>
  /** So many databases may be held open at a time. */
  readonly heldMax: number
  /** Reads the log up to here into the window. */
  readonly readTo: (lsn: Lsn) => Promise<void>
  readonly window: WalWindow
  /** The names of restore points begin so; at most 50 characters. */
  readonly namePrefix: string
  readonly clock: Clock
}

/** A server that is busy all the time is tried so often and so long; then the view is bounded only. */
const attemptsMax = 200
const attemptsMsMax = 20_000
/** So often sessions may be ended by others, as where databases are dropped, before it is given up. */
const lossesMax = 10

/**
 * Makes restore points until there is one of which the views are known to see exactly the transactions whose ends are
 * in the log before it: looked up in the log itself, since a transaction that is being committed is in the log before
 * views see it.
 *
 * Two things keep to no view. Sequences: they are read before the views, and what they stand at at the restore point is that,
 * or what their last record in the log before it says. What the server's own functions tell of a schema, by which it
 * is read: it is read before the views too, and the rows of all catalogs must be the same in the view as they were then.
 */
export async function openRestorePointView(request: ViewRequest): Promise<RestorePointView> {
  const { clock, sessions, flusher, early } = request
  let beginMs: number | undefined
  let stale: ReadonlySet<string> = new Set()
  let losses = 0
  for (let attempt = 1; ; attempt++) {
    const databases = await listDatabases(flusher)
    for (const name of early.keys()) if (!databases.includes(name)) early.delete(name)
    try {
      const held = databases.filter((name) => !early.has(name))
      await sessions.renew(held.slice(0, request.heldMax), stale)
      beginMs ??= clock.monotonicMs() // To read large schemas may take longer than all tries.
      const found = await attemptView(request, `${request.namePrefix}_${attempt}`)
      const isLast = attempt >= attemptsMax || clock.monotonicMs() - beginMs > attemptsMsMax
      if (found.view.missing.length === 0 || isLast) return found.view
      stale = found.stale
      // What was read before and is not so any more is read anew, where there is room for it.
      const room = Math.max(0, request.heldMax - held.length)
      for (const name of found.changed.slice(0, room)) early.delete(name)
    } catch (error) {
      losses += 1
      if (!isSessionEnded(error) || losses >= lossesMax) throw error
      await sessions.close() // A database that was dropped by force took its session along, and the others' views are of no use.
    }
  }
}

/** A view, and the databases whose schema has to be read anew before the next one. */
interface Attempt {
  readonly view: RestorePointView
  readonly stale: ReadonlySet<string>
  /** Databases of which something changed after they were read before. */
  readonly changed: readonly string[]
}

async function attemptView(request: ViewRequest, name: string): Promise<Attempt> {
  const { sessions, flusher, window, early } = request
  const readings = sessions.all
  const waitingBefore = await waitingForStandby(flusher)
  const { snapshots, lsn } = await takeViews(readings, name)
  await flushLog(flusher)
  const waiting = [...waitingBefore, ...(await waitingForStandby(flusher))]
  await request.readTo(lsn)
  const end = window.finish()
  const missing = missingFrom(snapshots, window, waiting)
  missing.push(...(await unseenWaiting(flusher)))
  if (end !== lsn || window.lastPoint?.name !== name || window.lastPoint.end !== lsn)
    missing.push('the log, which could not be read up to the restore point')
  const inViews = await listDatabases(readings[0]!.session)
  const known = new Set([...early.keys(), ...readings.map(({ session }) => session.database)])
  for (const database of inViews)
    if (!known.has(database)) missing.push(`database ${database}, which is new or found no connection`)
  const looked = await Promise.all(readings.map(async (reading) => await lookAt(reading, inViews, window)))
  missing.push(...looked.flatMap((database) => database.missing))
  const stale = new Set(looked.filter(({ isStale }) => isStale).map(({ view }) => view.session.database))
  const shared = sharedPart(looked[0]!.fingerprint)
  const changed = [...early].filter(
    ([, database]) => database.shared !== shared || window.hasChanged(database.number, database.from),
  )
  missing.push(...changed.map(([database]) => `database ${database}, in which something was written after it was read`))
  const view = { restorePoint: name, lsn, missing, databases: looked.map((database) => database.view) }
  return { view, stale, changed: changed.map(([database]) => database) }
}

/** All views but one, then that one together with the restore point, so that hardly anything can come between. */
async function takeViews(
  readings: readonly DatabaseReading[],
  name: string,
): Promise<{ readonly snapshots: [TransactionSnapshot, ...TransactionSnapshot[]]; readonly lsn: Lsn }> {
  const [first, ...others] = readings.map(({ session }) => session)
  if (first === undefined) throw new Failure('unsupported', 'Cannot take a manifest: no database lets us in')
  const snapshots = await Promise.all(
    others.map(async (session) => {
      await session.beginView()
      return parseSnapshot((await session.row('SELECT pg_current_snapshot()::text AS snapshot')).snapshot!)
    }),
  )
  await first.beginView()
  const row = await first.row(
    'SELECT pg_current_snapshot()::text AS snapshot, pg_create_restore_point($1)::text AS lsn',
    [name],
  )
  return { snapshots: [parseSnapshot(row.snapshot!), ...snapshots], lsn: parseLsn(row.lsn!) }
}

/** What a view holds of what keeps to no view, and where that can not be told. */
async function lookAt(
  { session, schemaDigest, fingerprint, sequences, sequencesFrom }: DatabaseReading,
  databases: readonly string[],
  window: WalWindow,
): Promise<{
  readonly view: DatabaseView
  readonly fingerprint: string
  readonly missing: readonly string[]
  readonly isStale: boolean
}> {
  const missing: string[] = []
  const { database } = session
  if (!databases.includes(database)) missing.push(`database ${database}, which is gone`)
  const inView = await readCatalogFingerprint(session)
  const isChanged = inView !== fingerprint
  if (isChanged) missing.push(`the schema of database ${database}, which changed meanwhile`)
  const values: SequenceValue[] = []
  let unknown = 0
  for (const { name, file } of await listSequences(session)) {
    const later = window.sequence(file, sequencesFrom)
    const before = sequences.get(file)
    const known = later === 'unknown' ? undefined : (later ?? before)
    if (known === undefined) unknown += 1
    values.push({ name, value: known?.value ?? before?.value ?? '0', isCalled: known?.isCalled ?? false })
  }
  if (unknown > 0) missing.push(`${unknown} sequences of database ${database}, which changed meanwhile`)
  const isStale = isChanged || unknown > 0
  return { view: { session, schemaDigest, sequences: values }, fingerprint: inView, missing, isStale }
}

/** Has the server write its log to disk, up to now: that is what a transaction's end does; only then it is streamed. */
async function flushLog(flusher: DatabaseSession): Promise<void> {
  await flusher.query('BEGIN')
  await flusher.query('SELECT pg_current_xact_id()')
  await flusher.query('COMMIT')
}

/** The transactions that wait for a synchronous standby: their ends may lie far back in the log, and no view sees them. */
async function waitingForStandby(flusher: DatabaseSession): Promise<readonly number[]> {
  const rows = await flusher.query(
    `SELECT backend_xid::text AS xid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_xid IS NOT NULL`,
  )
  return rows.map((row) => Number(row.xid))
}

/** Where there may be such transactions, and the role is not told of those of others. */
async function unseenWaiting(flusher: DatabaseSession): Promise<string[]> {
  const { blind } = await flusher.row(
    `SELECT current_setting('synchronous_standby_names') <> '' AND NOT pg_has_role('pg_read_all_stats', 'USAGE') AS blind`,
  )
  return blind === 't' ? ['what waits for a standby, which only a role in pg_monitor is told'] : []
}

/** The transactions whose end is in the log, or may be, and that not all views see. */
export function missingFrom(
  snapshots: readonly [TransactionSnapshot, ...TransactionSnapshot[]],
  { commits, unknownCommits }: Pick<WalWindow, 'commits' | 'unknownCommits'>,
  waiting: readonly number[],
): string[] {
  const common = commonSnapshot(snapshots)
  const unseen = new Set([...unseenBy(common, commits), ...unseenBy(common, waiting)])
  return [...unseen].map(String).concat(unknownCommits.map((lsn) => `prepared, ended at ${formatLsn(lsn)}`))
}
