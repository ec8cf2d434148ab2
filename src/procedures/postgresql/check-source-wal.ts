import { isFailure } from '../../base/failure.ts'
import { type CheckedTimeline, checkWal } from '../../operations/wal/check-wal.ts'
import { connectPostgresql } from '../../sources/postgresql/connection.ts'
import { identifySystem, type SystemPosition } from '../../sources/postgresql/replication-slot.ts'
import { judgeSlot, readSlotFacts, type SlotFacts, type SlotJudgement } from '../../sources/postgresql/slot-lag.ts'
import { connectionOf } from '../backup/back-up-postgresql-source.ts'
import type { Installation, Watch } from '../installation.ts'
import { openWalArchive } from './open-wal-archive.ts'
import { physicalBackups, requirePostgresql } from './physical-backups.ts'

/** How the stored WAL of a source stands. */
export interface SourceWalChecked {
  readonly source: string
  /** By system, from the oldest kept snapshot on; none where there is no physical snapshot. */
  readonly timelines: readonly (CheckedTimeline & { readonly systemIdentifier: string })[]
  readonly slot: { readonly facts: SlotFacts; readonly judgement: SlotJudgement } | undefined
  /** Sentences: what could not be asked. */
  readonly unknown: readonly string[]
}

const warnBytes = 1024 * 1024 * 1024

/** Checks the stored WAL of a source against its kept snapshots and, where it answers, its server. Changes nothing. */
export async function checkSourceWal(
  installation: Installation,
  source: string,
  ask: 'server' | 'stored only',
  watch: Pick<Watch, 'notice'>,
  signal: AbortSignal,
): Promise<SourceWalChecked> {
  requirePostgresql(installation, source)
  const { found, unread } = await physicalBackups(installation, source, watch, signal)
  const unknown = unread.map(({ backup, detail }) => `backup ${backup.id.slice(0, 8)} can not be read: ${detail}`)
  await using opened = await openWalArchive(installation, { source, use: 'read' }, watch, signal)
  const server = ask === 'server' ? await askServer(installation, source, signal) : undefined
  if (server !== undefined && 'detail' in server) unknown.push(`its server does not answer: ${server.detail}`)
  const position = server !== undefined && 'position' in server ? server.position : undefined
  const timelines: SourceWalChecked['timelines'][number][] = []
  const bySystem = Map.groupBy(
    found.map(({ snapshot }) => snapshot),
    ({ systemIdentifier }) => systemIdentifier,
  )
  for (const [systemIdentifier, snapshots] of bySystem) {
    const isCurrent = position?.systemIdentifier === systemIdentifier
    const request = { archive: opened.archive, snapshots, ...(isCurrent && { server: position }) }
    for (const timeline of await checkWal(request, signal)) timelines.push({ ...timeline, systemIdentifier })
  }
  return { source, timelines, slot: server !== undefined && 'slot' in server ? server.slot : undefined, unknown }
}

async function askServer(
  installation: Installation,
  source: string,
  signal: AbortSignal,
): Promise<
  { readonly position: SystemPosition; readonly slot: SourceWalChecked['slot'] } | { readonly detail: string }
> {
  const policy = requirePostgresql(installation, source)
  const { slot, lagLimit } = policy.wal
  try {
    const connection = await connectionOf(installation, policy)
    await using replication = await connectPostgresql(connection, { kind: 'replication' }, signal)
    const position = await identifySystem(replication)
    await using sql = await connectPostgresql(connection, { kind: 'sql' }, signal)
    const facts = await readSlotFacts(sql, slot)
    const limits = { warnBytes: Math.min(warnBytes, (lagLimit ?? Infinity) / 2), dropBytes: lagLimit }
    return { position, slot: facts && { facts, judgement: judgeSlot(facts, limits) } }
  } catch (error) {
    if (signal.aborted || !isFailure(error)) throw error
    return { detail: error.message }
  }
}
