import type { Clock } from '../../base/clock.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import { formatLsn, parseLsn, type Lsn } from '../../sources/postgresql/lsn.ts'
import { SandboxSession } from '../../sources/postgresql/sandbox-session.ts'
import type { Sandbox } from '../../sources/postgresql/sandbox.ts'
import type { RecoveryPlan } from './plan-recovery.ts'
import { describeTarget, formatTimeUs, parseTimeUs } from './recovery-target.ts'

/** Where a recovery stopped. */
export interface RecoveredPoint {
  /** The end of the last record that was replayed. */
  readonly lsn: Lsn
  /** When the last transaction ended that was replayed, microseconds since 1970; undefined where none was. */
  readonly lastEndUs: bigint | undefined
  /** What the server's log says of it: "recovery stopping before commit of transaction 741, time …". */
  readonly said: string
}

type Expected = Pick<RecoveryPlan, 'target' | 'expectedLsn'>

const pollMs = 50
/** Replay that does not come on for so long hangs. One record takes no such time. */
const stallMsMax = 30 * 60_000
const state = `
  SELECT pg_is_in_recovery() AS recovers, pg_last_wal_replay_lsn() AS lsn,
         CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() END AS pause,
         (extract(epoch FROM pg_last_xact_replay_timestamp()) * 1000000)::bigint AS last_end`

/**
 * Resolves when the server stands paused at the target of the plan, and proves that it is there: by what it says, by the
 * position, and for a time by the transactions on either side. Failures `wal_gap` where the log ended before, `not_proven`
 * where it stands elsewhere.
 */
export async function awaitTarget(
  sandbox: Sandbox,
  plan: Expected,
  context: {
    readonly clock: Clock
    readonly progress: (replayed: { readonly lsn: Lsn; readonly expectedLsn: Lsn | undefined }) => void
  },
  signal: AbortSignal,
): Promise<RecoveredPoint> {
  const { clock, progress } = context
  await using session = new SandboxSession(sandbox.url)
  let last: Lsn = -1n
  let movedAtMs = clock.monotonicMs()
  for (;;) {
    const row = await ask({ sandbox, session, plan }, state)
    if (row !== undefined) {
      if (row.recovers !== 't') throw await endedEarly(sandbox, plan)
      const lsn = row.lsn === null || row.lsn === undefined ? 0n : parseLsn(row.lsn)
      progress({ lsn, expectedLsn: plan.expectedLsn })
      if (row.pause === 'paused') {
        const lastEndUs = row.last_end === null || row.last_end === undefined ? undefined : BigInt(row.last_end)
        return await proven(sandbox, plan, { lsn, lastEndUs })
      }
      if (lsn !== last) movedAtMs = clock.monotonicMs()
      last = lsn
    }
    if (clock.monotonicMs() - movedAtMs > stallMsMax) {
      throw await sandbox.failure(`replay stands still at ${formatLsn(last)} for ${stallMsMax / 60_000} minutes`)
    }
    await clock.sleep(pollMs, signal)
  }
}

/** Ends the recovery at the target where it is paused; the server begins a new timeline and can be written to. */
export async function promote(sandbox: Sandbox, clock: Clock, signal: AbortSignal): Promise<void> {
  await using session = new SandboxSession(sandbox.url)
  await session.query('SELECT pg_wal_replay_resume()')
  const beginMs = clock.monotonicMs()
  for (;;) {
    const row = await ask({ sandbox, session, plan: undefined }, 'SELECT pg_is_in_recovery() AS recovers')
    if (row?.recovers === 'f') return
    // The checkpoint at the end of a recovery writes all that is dirty.
    if (clock.monotonicMs() - beginMs > stallMsMax) throw await sandbox.failure('it does not end its recovery')
    await clock.sleep(pollMs, signal)
  }
}

/** The first row; undefined while the server does not take connections. */
async function ask(
  of: { readonly sandbox: Sandbox; readonly session: SandboxSession; readonly plan: Expected | undefined },
  sql: string,
): Promise<Readonly<Record<string, string | null>> | undefined> {
  const { sandbox, session, plan } = of
  if (!sandbox.isAlive) throw await (plan === undefined ? sandbox.failure('it ended') : endedEarly(sandbox, plan))
  try {
    return (await session.query(sql))[0]
  } catch (error) {
    if (!isFailure(error, 'connection_failed')) throw error
    return undefined // Whether it lives is looked at before the next try.
  }
}

async function proven(sandbox: Sandbox, plan: Expected, at: Omit<RecoveredPoint, 'said'>): Promise<RecoveredPoint> {
  const log = await sandbox.log()
  const said = log
    .split('\n')
    .findLast((line) => /recovery stopping (before|after|at) /.test(line))
    ?.replace(/^.*?LOG: +/, '')
  const point = { ...at, said: said ?? '' }
  const fault = faultOf(plan, point)
  if (fault === undefined) return point
  throw new Failure('not_proven', `Cannot prove that ${describeTarget(plan.target)} was reached: ${fault}`, {
    facts: { lsn: formatLsn(point.lsn), said: point.said },
  })
}

/** Why a point is not the target's; undefined where it is. */
export function faultOf(plan: Expected, point: RecoveredPoint): string | undefined {
  const { target, expectedLsn } = plan
  if (point.said === '') return 'the server does not say why it paused'
  if (target.kind === 'time') {
    const stop = /^recovery stopping before .*, time (.+)$/.exec(point.said)?.[1]
    const stopUs = stop === undefined ? undefined : parseTimeUs(stop.replace(/ UTC$/, 'Z'))
    if (stopUs === undefined) return `it says "${point.said}"`
    if (stopUs <= target.atUs) return `it stopped before a transaction of ${formatTimeUs(stopUs)}`
    if (point.lastEndUs !== undefined && point.lastEndUs > target.atUs) {
      return `it replayed a transaction of ${formatTimeUs(point.lastEndUs)}`
    }
    return undefined
  }
  if (expectedLsn === undefined) return undefined
  const isThere = target.kind === 'lsn' ? point.lsn > expectedLsn : point.lsn === expectedLsn
  if (target.kind === 'latest' && point.lsn >= expectedLsn) return undefined
  return isThere ? undefined : `it stands at ${formatLsn(point.lsn)}, expected ${formatLsn(expectedLsn)}`
}

async function endedEarly(sandbox: Sandbox, plan: Expected): Promise<Failure> {
  const log = await sandbox.log()
  const isEarly = /recovery ended before configured recovery target was reached/.test(log) || sandbox.isAlive
  if (!isEarly) return await sandbox.failure('it ended')
  return new Failure('wal_gap', `Cannot recover to ${describeTarget(plan.target)}: the stored WAL ended before it`, {
    cause: await sandbox.failure('it ended'),
  })
}
