import { Failure, isFailure } from '../../base/failure.ts'
import { printableName } from '../../base/byte-name.ts'
import type { Backup, BackupKind } from '../../model/backup.ts'
import { backupOfSnapshot, tagsOf } from '../../model/backup-tags.ts'
import type { SourceKind } from '../../model/policy/policy.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { BackupReport } from '../../operations/back-up/back-up.ts'
import type { LockedRepository } from '../../operations/locations/locations.ts'
import { isHole } from '../../sources/files/gap.ts'
import type { Installation, Watch } from '../installation.ts'
import type { BackupGap, SourceOutcome } from './backup-order.ts'
import { missingCopies, missingRepositories } from '../missing-repositories.ts'
import { chooseKind } from './choose-kind.ts'
import { readBack } from './read-back.ts'
import { sourceBackups } from './source-backups.ts'

export interface SourceOrder {
  readonly run: string
  readonly source: string
  readonly kind: BackupKind | undefined
}

/** What the backup of a source of any kind works with. */
export interface SourceJob {
  readonly installation: Installation
  readonly locked: LockedRepository
  readonly source: string
  readonly kind: BackupKind
  /** The source's newest backup of this generation. */
  readonly parent: Snapshot | undefined
  readonly tags: (holes: number) => readonly string[]
  readonly time: Date
  readonly watch: Watch
}

const gapsMax = 100

/**
 * Backs a source up into the primary location and puts the backup on record.
 *
 * Crash order: the snapshot is the commit point. Before it nothing counts; after it the same run finds the snapshot
 * by the run's name among its tags and takes it as its own. The catalog comes last: what it lacks after a crash is
 * added by the same run when it goes on, or by the rebuild.
 */
export async function backUpSource(
  installation: Installation,
  order: SourceOrder,
  watch: Watch,
  signal: AbortSignal,
): Promise<SourceOutcome> {
  const generation = installation.generations.active
  await requireRepository(installation, generation, signal)
  await using locked = await installation.locations.lock({ location: 'primary', generation }, 'shared', signal)
  const backups = await ownBackups(installation, order.source, generation, locked)
  const made = backups.find(({ backup }) => backup.run === order.run)
  if (made !== undefined)
    return await putOnRecord(installation, made.backup, { gaps: [], packsReplaced: 0, warnings: [] })
  const kind = chooseKind(
    order.kind,
    backups.map(({ backup }) => backup),
    generation,
  )
  const parent = backups.at(-1)?.snapshot
  const job = jobOf(installation, { locked, order, kind, parent, watch })
  await locked.repository.loadIndex(locked.signal)
  const sourceKind = installation.policy.sources[order.source]!.kind
  const report = await sourceBackups[sourceKind](job)
  const snapshot = await readBack(locked, report)
  const backup = backupOfSnapshot(snapshot, generation)
  if (backup === undefined) throw new Failure('defect', `Backup "${snapshot.id}" does not say what it is`)
  const { packsWithdrawn, warnings = [] } = report
  return await putOnRecord(installation, backup, {
    gaps: gapsOf(report),
    packsReplaced: packsWithdrawn.length,
    warnings,
  })
}

/**
 * Makes the generation's repository with its first backup. One that is missing although backups were put into it is
 * a primary that is not mounted, or lost: making it anew would hide that.
 */
async function requireRepository(installation: Installation, generation: number, signal: AbortSignal): Promise<void> {
  const { locations } = installation
  const choice = { location: 'primary', generation } as const
  if (await locations.has(choice, signal)) return
  // Also of other generations: the first backup after a rotation must not take an empty mount point for the location.
  const lost = missingCopies(await missingRepositories(installation, 'primary', signal))
  if (lost === 0) {
    try {
      await locations.create(choice, signal)
    } catch (error) {
      // Another backup that runs beside this one, of another source, was faster: its repository is the one.
      if (!isFailure(error, 'repository_exists') || !(await locations.has(choice, signal))) throw error
    }
    return
  }
  throw new Failure(
    'repository_missing',
    `Cannot back up to "${locations.repositoryPlace(choice)}": there is nothing, although ${lost} backups were stored there`,
    { facts: { hint: 'Mount it; if it is lost, `heal` brings it back from the secondary location' } },
  )
}

interface OwnBackup {
  readonly snapshot: Snapshot
  readonly backup: Backup
}

/** The source's backups in this repository, oldest first. A snapshot that can not be read is none; verify tells of it. */
async function ownBackups(
  { policy }: Installation,
  source: string,
  generation: number,
  { repository, signal }: LockedRepository,
): Promise<OwnBackup[]> {
  const snapshots = await repository.listSnapshots(signal, { onDamaged: () => {} })
  return snapshots.flatMap((snapshot) => {
    const backup = readBackup(snapshot, generation)
    const isOwn = backup?.source === source && backup.environment === policy.environment
    return isOwn ? [{ snapshot, backup }] : []
  })
}

/** A snapshot whose tags somebody spoiled is no backup to go on from; the rebuild of the catalog tells of it. */
function readBackup(snapshot: Snapshot, generation: number): Backup | undefined {
  try {
    return backupOfSnapshot(snapshot, generation)
  } catch (error) {
    if (!isFailure(error, 'repository_damaged')) throw error
    return undefined
  }
}

function jobOf(
  installation: Installation,
  facts: {
    readonly locked: LockedRepository
    readonly order: SourceOrder
    readonly kind: BackupKind
    readonly parent: Snapshot | undefined
    readonly watch: Watch
  },
): SourceJob {
  const { locked, order, kind, parent, watch } = facts
  const { policy, policyDigest, clock } = installation
  const { environment } = policy
  const sourceKind: SourceKind = policy.sources[order.source]!.kind
  const common = { environment, source: order.source, sourceKind, kind, policyDigest, run: order.run }
  const tags = (gaps: number): readonly string[] => tagsOf({ ...common, gaps })
  return { installation, locked, source: order.source, kind, parent, tags, time: clock.now(), watch }
}

async function putOnRecord(
  { catalog, clock }: Installation,
  backup: Backup,
  { gaps, packsReplaced, warnings }: Pick<SourceOutcome & { state: 'stored' }, 'gaps' | 'packsReplaced' | 'warnings'>,
): Promise<SourceOutcome> {
  await catalog.addBackup(backup)
  await catalog.addCopy({ backup: backup.id, location: 'primary', storedAt: clock.now() })
  return {
    state: 'stored',
    source: backup.source,
    kind: backup.kind,
    snapshot: backup.id,
    generation: backup.generation,
    takenAt: backup.takenAt.toISOString(),
    files: backup.files,
    bytes: backup.bytes,
    bytesAdded: backup.bytesAdded,
    gaps,
    gapsTotal: backup.gaps,
    packsReplaced,
    warnings,
  }
}

function gapsOf({ gaps }: BackupReport): BackupGap[] {
  const holes = gaps.filter(isHole).slice(0, gapsMax)
  return holes.map(({ path, reason, detail }) => ({ path: printableName(path), reason: `${reason}: ${detail}` }))
}
