import { isFailure } from '../../base/failure.ts'
import { parseTimelineHistory, type TimelineParent } from '../../sources/postgresql/timeline-history.ts'
import { planWalRetention } from '../../operations/wal/plan-wal-retention.ts'
import type { WalArchive } from '../../operations/wal/wal-archive.ts'
import type { WalEntry } from '../../operations/wal/wal-store.ts'
import type { Installation, Watch } from '../installation.ts'
import { describeTrouble } from '../trouble.ts'
import { openWalArchive } from './open-wal-archive.ts'
import { physicalBackups } from './physical-backups.ts'

/**
 * Removes the WAL that no kept snapshot can be recovered with any more, of every PostgreSQL source, at each location by a plan of its
 * own. Removes nothing of a source of which a backup could not be looked at, or which has none. Answers troubles, a
 * sentence each.
 *
 * Order: the oldest go first, so that a crash leaves no gap, only more than is needed, which the next call removes.
 */
export async function retainWal(installation: Installation, watch: Watch, signal: AbortSignal): Promise<string[]> {
  const troubles: string[] = []
  for (const [source, policy] of Object.entries(installation.policy.sources)) {
    if (policy.kind !== 'postgresql') continue
    try {
      troubles.push(...(await retainOne(installation, source, watch, signal)))
    } catch (error) {
      if (signal.aborted || !isFailure(error)) throw error
      troubles.push(`retention of the WAL of ${source}: ${describeTrouble(error)}`)
    }
  }
  return troubles
}

async function retainOne(
  installation: Installation,
  source: string,
  watch: Watch,
  signal: AbortSignal,
): Promise<string[]> {
  const { locations } = installation
  const { found, unread } = await physicalBackups(installation, source, watch, signal)
  const [first] = unread
  if (first !== undefined) {
    return [`no WAL of ${source} was removed: backup ${first.backup.id.slice(0, 8)} can not be read: ${first.detail}`]
  }
  if (found.length === 0) return []
  const snapshots = found.map(({ snapshot }) => snapshot)
  for (const location of locations.names) {
    await using opened = await openWalArchive(installation, { source, use: 'read', location }, watch, signal)
    const entries = await opened.archive.list('', signal)
    if (entries.length === 0) continue
    const histories = await readHistories(opened.archive, entries, signal)
    const plan = planWalRetention({ entries, histories, snapshots, currentSystemIdentifier: undefined })
    await opened.archive.remove(plan.remove, signal)
    const removed = `${plan.remove.length} of ${entries.length} files of WAL of ${source}`
    if (plan.remove.length > 0) watch.notice(`removed ${removed} at the ${location} location`)
  }
  return []
}

async function readHistories(
  archive: WalArchive,
  entries: readonly WalEntry[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, ReadonlyMap<number, readonly TimelineParent[]>>> {
  const histories = new Map<string, Map<number, readonly TimelineParent[]>>()
  for (const entry of entries) {
    if (entry.wal.kind !== 'history') continue
    const file = await archive.get(entry, signal)
    if (file === undefined) continue
    const ofSystem = histories.get(entry.systemIdentifier) ?? new Map<number, readonly TimelineParent[]>()
    ofSystem.set(entry.wal.timeline, parseTimelineHistory(file.content.toString('utf8')))
    histories.set(entry.systemIdentifier, ofSystem)
  }
  return histories
}
