import type { Id } from '../../model/id.ts'
import type { LocationName, SourceKind } from '../../model/policy/policy.ts'
import type { Installation, Watch } from '../installation.ts'
import { chooseBackup } from './choose-backup.ts'
import { openBackup, type OpenedBackup } from './open-backup.ts'
import { restorePhases } from './restore-phases.ts'
import { restoreDatabase } from './restore-database.ts'
import { restoreFiles } from './restore-files.ts'
import { restoreDataFolder } from './restore-data-folder.ts'

export interface RestoreOrder {
  readonly run: string
  readonly source: string
  /** `latest`, or the beginning of a backup's id. */
  readonly backup: string
  /** Undefined takes the first copy that opens. */
  readonly location: LocationName | undefined
  /** An absolute path. */
  readonly target: string
}

/** What a restore came to, compared with the manifest of its backup. */
export interface RestoredContent {
  readonly files: number
  readonly bytes: number
  /** `not compared`: the backup has no manifest, or only a running server could tell. */
  readonly outcome: 'equal' | 'different' | 'not compared'
  /** At most a hundred, a sentence each: what differs, what could not be restored. */
  readonly differences: readonly string[]
  /** The part of the time that went to comparing, ms. */
  readonly verifyMs: number
}

export interface RestoredSource extends RestoredContent {
  readonly backup: Id
  readonly source: string
  readonly sourceKind: SourceKind
  readonly location: LocationName
  readonly generation: number
  readonly target: string
  readonly durationMs: number
}

/** What the restore of a source of any kind works with. */
export interface RestoreJob {
  readonly installation: Installation
  readonly opened: OpenedBackup
  readonly order: RestoreOrder
  readonly watch: Watch
}

/** Restores a backup that is open into a folder and compares it; nothing is put on record. */
export const restorers: Readonly<Record<SourceKind, (job: RestoreJob) => Promise<RestoredContent>>> = {
  files: restoreFiles,
  sqlite: restoreDatabase,
  postgresql: restoreDataFolder,
}

/**
 * Restores a backup of a source into a folder, compares what is there then with the backup's manifest, and puts the
 * proof on record. Nothing in production is touched. Failures: those of openBackup() and of the restore.
 */
export async function restoreSource(
  installation: Installation,
  order: RestoreOrder,
  watch: Watch,
  signal: AbortSignal,
): Promise<RestoredSource> {
  const { catalog, clock, policy } = installation
  const backups = (await catalog.backups({ source: order.source })).filter(
    ({ environment }) => environment === policy.environment,
  )
  const backup = chooseBackup(order.source, backups, order.backup)
  const beginMs = clock.monotonicMs()
  await using opened = await openBackup(installation, { backup, location: order.location }, watch, signal)
  const openMs = clock.monotonicMs() - beginMs
  const content = await restorers[backup.sourceKind]({ installation, opened, order, watch })
  const durationMs = Math.round(clock.monotonicMs() - beginMs)
  const { outcome, verifyMs } = content
  if (outcome !== 'not compared') {
    const common = { run: order.run, at: clock.now(), backup: backup.id, source: order.source, durationMs }
    const phases = restorePhases({ durationMs, openMs, verifyMs })
    await catalog.addProof({ ...common, location: opened.location, outcome, phases })
  }
  return {
    ...content,
    backup: backup.id,
    source: order.source,
    sourceKind: backup.sourceKind,
    location: opened.location,
    generation: backup.generation,
    target: order.target,
    durationMs,
  }
}
