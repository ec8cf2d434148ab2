import type { Clock } from '../../base/clock.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import type { PostgresqlSourcePolicy } from '../../model/policy/policy.ts'
import { type ReceiverEvent, receiveWal } from '../../operations/wal/receive-wal.ts'
import { connectPostgresql } from '../../sources/postgresql/connection.ts'
import type { PostgresqlConnectionOptions } from '../../sources/postgresql/connection-options.ts'
import { dropSlot } from '../../sources/postgresql/replication-slot.ts'
import { judgeSlot, readSlotFacts, type SlotJudgement } from '../../sources/postgresql/slot-lag.ts'
import { connectionOf } from '../backup/back-up-postgresql-source.ts'
import type { Installation, Watch } from '../installation.ts'
import { openWalArchive } from './open-wal-archive.ts'
import { requirePostgresql } from './physical-backups.ts'
import { ReceivedWal } from './wal-stands.ts'

/** What becomes known while a source's WAL is received. */
export type SourceReceiverEvent =
  | ReceiverEvent
  /** The slot lags, or lost WAL: with the numbers. */
  | { readonly kind: 'slot'; readonly message: string }

/** How often the slot is looked at, ms. */
const slotEveryMs = 60_000
/** From here on a slot that lags is told of, unless the policy's limit is lower. */
const warnBytesDefault = 1024 * 1024 * 1024

/**
 * Receives the WAL of a source into the primary location until it is stopped, and watches what its slot makes the server
 * keep. Rejects as receiveWal() does; with Failure `wal_gap` where the slot was over the policy's limit and was dropped.
 */
export async function receiveSource(
  installation: Installation,
  source: string,
  onEvent: (event: SourceReceiverEvent) => void,
  watch: Pick<Watch, 'notice'>,
  signal: AbortSignal,
): Promise<never> {
  const { clock } = installation
  const policy = requirePostgresql(installation, source)
  const { slot, partialEvery } = policy.wal
  const connection = await connectionOf(installation, policy)
  await using opened = await openWalArchive(installation, { source, use: 'store' }, watch, signal)
  await using received = new ReceivedWal(installation, source, watch)
  const stopping = new AbortController()
  const stopped = AbortSignal.any([signal, stopping.signal])
  const over = watchSlot({ policy, connection, clock, onEvent }, stopped).catch((error: unknown) => {
    if (!stopped.aborted) stopping.abort(error)
  })
  try {
    const request = { archive: opened.archive, connection, slot, partEveryMs: partialEvery }
    const noting = (event: ReceiverEvent): void => {
      received.take(event)
      onEvent(event)
    }
    return await receiveWal(request, { clock, onEvent: noting }, stopped)
  } catch (error) {
    const reason: unknown = stopping.signal.aborted ? stopping.signal.reason : error
    if (isFailure(reason, 'refused')) throw await dropLagging({ connection, slot, clock }, reason, signal)
    throw reason
  } finally {
    stopping.abort(new Failure('stopped', 'The receiver ended'))
    await over
  }
}

/** Looks at the slot until it is stopped. Rejects with Failure `refused` where it is over the policy's limit. */
async function watchSlot(
  parts: {
    readonly policy: PostgresqlSourcePolicy
    readonly connection: PostgresqlConnectionOptions
    readonly clock: Clock
    readonly onEvent: (event: SourceReceiverEvent) => void
  },
  signal: AbortSignal,
): Promise<void> {
  const { connection, clock, onEvent, policy } = parts
  const dropBytes = policy.wal.lagLimit
  const warnBytes = Math.min(warnBytesDefault, (dropBytes ?? Infinity) / 2)
  let told: string | undefined
  for (;;) {
    await clock.sleep(slotEveryMs, signal)
    const judgement = await lookAtSlot(connection, policy.wal.slot, { warnBytes, dropBytes }, signal)
    if (judgement.state === 'drop') throw new Failure('refused', judgement.message)
    if (judgement.state !== 'well' && judgement.state !== told) onEvent({ kind: 'slot', message: judgement.message })
    told = judgement.state
  }
}

/** How the slot of a source stands. A server that does not answer is the receiver's to tell of: `well`. */
async function lookAtSlot(
  connection: PostgresqlConnectionOptions,
  slot: string,
  limits: { readonly warnBytes: number; readonly dropBytes: number | undefined },
  signal: AbortSignal,
): Promise<SlotJudgement> {
  try {
    await using sql = await connectPostgresql(connection, { kind: 'sql' }, signal)
    const facts = await readSlotFacts(sql, slot)
    return facts === undefined ? { state: 'well' } : judgeSlot(facts, limits)
  } catch (error) {
    if (signal.aborted || !isFailure(error)) throw error
    return { state: 'well' }
  }
}

/** The server may take a moment to see that nobody streams from the slot any more. */
const dropAttemptsMax = 5

async function dropLagging(
  parts: { readonly connection: PostgresqlConnectionOptions; readonly slot: string; readonly clock: Clock },
  why: Failure,
  signal: AbortSignal,
): Promise<Failure> {
  for (let attempt = 1; ; attempt++) {
    try {
      await using replication = await connectPostgresql(parts.connection, { kind: 'replication' }, signal)
      await dropSlot(replication, parts.slot)
      return new Failure('wal_gap', `${why.message}: it was dropped, as the policy says`, {
        facts: { hint: 'WAL is missing from here on: take a full backup once the receiver stores again' },
        cause: why,
      })
    } catch (error) {
      if (signal.aborted || !isFailure(error) || attempt === dropAttemptsMax) throw error
      await parts.clock.sleep(1000, signal)
    }
  }
}
