import { throwIfStopped } from '../../base/abort.ts'
import type { Clock } from '../../base/clock.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import { connectPostgresql } from '../../sources/postgresql/connection.ts'
import type { PostgresqlConnectionOptions } from '../../sources/postgresql/connection-options.ts'
import { formatLsn, type Lsn } from '../../sources/postgresql/lsn.ts'
import {
  identifySystem,
  openSlot,
  requireSlotName,
  type SystemPosition,
} from '../../sources/postgresql/replication-slot.ts'
import {
  parseTimelineHistory,
  timelineStretches,
  type TimelineStretch,
} from '../../sources/postgresql/timeline-history.ts'
import { readTimelineHistory } from '../../sources/postgresql/wal-hold.ts'
import { segmentOf, segmentStart } from '../../sources/postgresql/wal-name.ts'
import type { WalArchive } from './wal-archive.ts'
import { readWalCoverage, timelineOfSegment } from './wal-coverage.ts'
import { WalReception, type ReceptionStart } from './wal-reception.ts'

export interface ReceiveWalRequest {
  readonly archive: WalArchive
  readonly connection: PostgresqlConnectionOptions
  /** A physical replication slot of this receiver alone; made where it is absent. */
  readonly slot: string
  /** What was received is stored at the latest after so long, ms: at most 30 s. */
  readonly partEveryMs: number
  /** So many connections in a row may bring nothing before the receiver gives up. */
  readonly attemptsMax?: number
}

/** What becomes known while WAL is received. */
export type ReceiverEvent =
  | { readonly kind: 'connected'; readonly systemIdentifier: string; readonly timeline: number; readonly from: Lsn }
  /** Everything before it is durable, and the server was told so. */
  | {
      readonly kind: 'stored'
      readonly name: string
      readonly isPart: boolean
      readonly end: Lsn
      readonly serverEnd: Lsn
    }
  /** The server has written nothing more just now: everything before it is durable. */
  | { readonly kind: 'current'; readonly end: Lsn }
  | { readonly kind: 'switched'; readonly timeline: number; readonly at: Lsn }
  /** The server no longer has what comes next: a new snapshot must be taken. */
  | { readonly kind: 'gap'; readonly from: Lsn; readonly to: Lsn }
  | { readonly kind: 'lost'; readonly failure: Failure; readonly waitMs: number }

export interface ReceiverContext {
  readonly clock: Clock
  readonly onEvent: (event: ReceiverEvent) => void
}

const attemptsDefault = 20
const firstWaitMs = 500
const waitMsMax = 30_000

/**
 * Receives a server's WAL until it is stopped, and stores it: whole segments as they fill, and the beginning of the
 * last one at least every `partEveryMs`. The server is told of nothing that is not durable here, so that its slot keeps
 * whatever is not stored: the receiver may be killed at any moment. archive_command may store the same segments meanwhile.
 *
 * It goes on after a broken connection, a server that is down, and a storage that fails for a while; each time it begins
 * with the segment that is not stored as a whole. Rejects with `stopped`; with a Failure that trying again does not
 * help (`access_denied`, `wal_conflict`, `wal_gap` where its slot was lost …); or with the last one after `attemptsMax` in a
 * row. A full storage is tried again too: somebody will make room, and until then the server keeps its WAL.
 */
export async function receiveWal(
  request: ReceiveWalRequest,
  context: ReceiverContext,
  signal: AbortSignal,
): Promise<never> {
  requireSlotName(request.slot)
  const attemptsMax = request.attemptsMax ?? attemptsDefault
  let failures = 0
  const counting: ReceiverContext = {
    ...context,
    onEvent: (event) => {
      if (event.kind === 'stored' || event.kind === 'switched') failures = 0
      context.onEvent(event)
    },
  }
  for (;;) {
    try {
      await receiveOnce(request, counting, signal)
    } catch (error) {
      throwIfStopped(signal)
      if (!isFailure(error) || !(error.retry || error.code === 'storage_full')) throw error
      failures += 1
      if (failures >= attemptsMax) throw error
      const waitMs = Math.min(waitMsMax, firstWaitMs * 2 ** (failures - 1))
      counting.onEvent({ kind: 'lost', failure: error, waitMs })
      await context.clock.sleep(waitMs, signal)
    }
  }
}

/** One connection. Returns where a timeline ended: the next one is received over a new connection. */
async function receiveOnce(request: ReceiveWalRequest, context: ReceiverContext, signal: AbortSignal): Promise<void> {
  const { archive, slot } = request
  await using connection = await connectPostgresql(request.connection, { kind: 'replication' }, signal)
  const system = await identifySystem(connection)
  const { restartLsn } = await openSlot(connection, slot)
  const history = await readTimelineHistory(connection, system.timeline)
  if (history !== undefined) {
    const file = { systemIdentifier: system.systemIdentifier, name: history.name, content: history.content }
    await archive.put({ ...file, isPart: false }, signal)
  }
  const parents = history === undefined ? [] : parseTimelineHistory(history.content.toString('utf8'))
  const stretches = timelineStretches(system.timeline, parents)
  const start = await startOf(archive, system, stretches, restartLsn, signal)
  const reception = new WalReception({ ...request, systemIdentifier: system.systemIdentifier }, context, signal)
  context.onEvent({
    kind: 'connected',
    systemIdentifier: system.systemIdentifier,
    timeline: start.timeline,
    from: start.lsn,
  })
  try {
    await reception.run(connection, start)
  } catch (error) {
    if (!isFailure(error, 'wal_gap') || restartLsn === undefined || restartLsn < start.lsn) throw error
    // What comes next is gone from the server. What the slot keeps is still there, and is better than nothing.
    const to = segmentStart(segmentOf(restartLsn, system.segmentBytes), system.segmentBytes)
    if (to === start.lsn) throw error
    context.onEvent({ kind: 'gap', from: start.lsn, to })
    await using again = await connectPostgresql(request.connection, { kind: 'replication' }, signal)
    const timeline = timelineOfSegment(stretches, segmentOf(to, system.segmentBytes), system.segmentBytes)
    await reception.run(again, { ...start, timeline, lsn: to })
  }
}

/**
 * Where to begin: with the first segment that is not stored as a whole and that the slot still keeps, so that holes are
 * filled which archive_command left; else behind the last one that is stored; else where the slot begins, or now.
 */
async function startOf(
  archive: WalArchive,
  system: SystemPosition,
  stretches: readonly TimelineStretch[],
  restartLsn: Lsn | undefined,
  signal: AbortSignal,
): Promise<ReceptionStart> {
  const { segmentBytes, lsn } = system
  const coverage = await readWalCoverage(archive, system, signal)
  const now = segmentOf(lsn, segmentBytes)
  const timelineAt = (segment: number): number => timelineOfSegment(stretches, segment, segmentBytes)
  const isStored = (segment: number): boolean => coverage.segments.get(timelineAt(segment))?.has(segment) ?? false
  const onWay = stretches.flatMap(({ timeline }) =>
    [...(coverage.segments.get(timeline)?.keys() ?? [])].filter((segment) => timelineAt(segment) === timeline),
  )
  const behindLast = onWay.reduce((most, segment) => Math.max(most, segment + 1), 0)
  if (behindLast > now + 1) {
    throw new Failure(
      'wal_conflict',
      `Cannot receive WAL: segments up to ${formatLsn(segmentStart(behindLast, segmentBytes))} are stored, the server is at ${formatLsn(lsn)} of the same timeline`,
      { facts: { hint: 'It was set back without a new timeline. Give it a source of its own' } },
    )
  }
  const kept = segmentOf(restartLsn ?? lsn, segmentBytes)
  let begin = Math.min(kept, now)
  if (behindLast > 0) {
    while (begin < behindLast && isStored(begin)) begin += 1
    begin = Math.min(begin, behindLast, now)
  }
  return { timeline: timelineAt(begin), lsn: segmentStart(begin, segmentBytes), segmentBytes }
}
