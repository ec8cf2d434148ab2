import { Failure } from '../../base/failure.ts'
import { compareSqliteManifests } from '../../sources/sqlite/compare-manifests.ts'
import { SqliteWorkers } from '../../sources/sqlite/sqlite-workers.ts'
import { stepNames } from '../../model/procedures/policy-procedures.ts'
import type { Id } from '../../model/id.ts'
import type { LocationName, SourceKind } from '../../model/policy/policy.ts'
import { restoreSqlite } from '../../operations/sqlite/restore-sqlite.ts'
import { verifySnapshot } from '../../operations/verify-snapshot.ts'
import { chooseBackup } from '../restore/choose-backup.ts'
import { openBackup, type OpenedBackup } from '../restore/open-backup.ts'
import { restorePhases } from '../restore/restore-phases.ts'
import { readManifest } from '../restore/read-manifest.ts'
import type { ProcedureContext, ProcedureOutcome } from '../runs/procedure-context.ts'
import { servicesOf, startServices, stopServices } from '../services/services.ts'
import { validateSource } from '../services/validate-source.ts'
import type { StepRunner } from '../step-runner.ts'
import { oldDatabasePath } from './old-database.ts'

/** What is asked for. Plain JSON. */
export interface DatabaseRestoreOrder {
  readonly source: string
  /** `latest`, or the beginning of a backup's id. */
  readonly backup: string
  /** Undefined takes the first copy that opens. */
  readonly location?: LocationName
}

/** The backup that a run restores, once it is decided. Plain JSON. */
export interface IdentifiedBackup {
  readonly backup: Id
  readonly source: string
  readonly sourceKind: SourceKind
  /** ISO 8601. */
  readonly takenAt: string
  readonly location: LocationName | undefined
  /** The database in production. */
  readonly path: string
  /** Where the old one will be. */
  readonly oldPath: string
  readonly services: readonly string[]
}

export const databaseRestoreSteps = stepNames('database-restore')

/**
 * Database restore, step by step as the policy document has it. Each step may run twice; between steps nothing is done. What was
 * in production before is moved aside and stays. A step that fails throws: what is stopped then stays stopped until the
 * run is resumed or rolled back, which its failure says.
 *
 * Crash order: until "Restore database from backup" nothing in production but the services is touched. That step has one commit
 * point, the rename of putInPlace(): before it there is the old database, after it the new one.
 */
export async function databaseRestore(
  context: ProcedureContext,
  order: DatabaseRestoreOrder,
  step: StepRunner,
): Promise<ProcedureOutcome> {
  const { installation } = context
  const [identify, verify, stop, restore, prove, start, validate] = databaseRestoreSteps
  const point = await step(identify!, () => identifyBackup(context, order))
  const checked = await step(verify!, (signal) =>
    withBackup(context, point, signal, (opened) => verifySnapshot(opened.repository, opened.snapshot, opened.signal)),
  )
  await step(stop!, async (signal) => {
    await stopServices(installation, point.services, signal)
    return point.services
  })
  const restored = await step(restore!, (signal) => restoreInPlace(context, point, signal))
  await step(prove!, (signal) => proveInPlace(context, point, restored, signal))
  await step(start!, async (signal) => {
    await startServices(installation, point.services, signal)
    return point.services.toReversed()
  })
  const validated = await step(validate!, (signal) => validateSource(installation, point.source, point.path, signal))
  const id = point.backup.slice(0, 8)
  const old = restored.oldPath === null ? 'there was none before' : `the old one is ${restored.oldPath}`
  return {
    isProven: true,
    summary: `${point.source} is as backup ${id} of ${point.takenAt} has it; ${old}`,
    gaps: [],
    facts: {
      ...point,
      location: restored.location,
      objectsVerified: checked.packs,
      oldPath: restored.oldPath,
      bytes: restored.bytes,
      validated,
    },
  }
}

/** Decides what to restore, and touches nothing. Failures `usage` and those of chooseBackup(). */
export async function identifyBackup(
  { installation, id }: Pick<ProcedureContext, 'installation' | 'id'>,
  order: DatabaseRestoreOrder,
): Promise<IdentifiedBackup> {
  const { catalog, policy, locations } = installation
  const { source, location } = order
  const known = Object.hasOwn(policy.sources, source) ? policy.sources[source] : undefined
  if (known?.kind !== 'sqlite') {
    const hints = {
      files: 'Use `procedure run file-restore`',
      postgresql: `Use \`procedure run point-in-time-recovery\`, or \`restore ${source} --to FOLDER\``,
    } as const
    const found = known === undefined ? 'the policy has no source of this name' : `it is a source of ${known.kind}`
    throw new Failure('usage', `Cannot restore database "${source}": ${found}, expected one of SQLite`, {
      facts: { hint: known === undefined ? '`policy show` lists the sources' : hints[known.kind] },
    })
  }
  if (location !== undefined) locations.placeOf(location)
  const backups = (await catalog.backups({ source })).filter(({ environment }) => environment === policy.environment)
  const backup = chooseBackup(source, backups, order.backup)
  return {
    backup: backup.id,
    source,
    sourceKind: backup.sourceKind,
    takenAt: backup.takenAt.toISOString(),
    location,
    path: known.path,
    oldPath: oldDatabasePath(known.path, id),
    services: servicesOf(installation, source),
  }
}

async function withBackup<Answer>(
  { installation, watch }: ProcedureContext,
  point: Pick<IdentifiedBackup, 'backup' | 'location' | 'source'>,
  signal: AbortSignal,
  work: (opened: OpenedBackup) => Promise<Answer>,
): Promise<Answer> {
  const { catalog } = installation
  const backup = (await catalog.backups({ source: point.source })).find(({ id }) => id === point.backup)
  if (backup === undefined) {
    throw new Failure(
      'snapshot_missing',
      `Cannot restore backup "${point.backup.slice(0, 8)}": it was removed meanwhile`,
    )
  }
  await using opened = await openBackup(installation, { backup, location: point.location }, watch, signal)
  return await work(opened)
}

interface RestoredInPlace {
  readonly location: LocationName
  readonly oldPath: string | null
  readonly bytes: number
  readonly durationMs: number
  readonly openMs?: number
  readonly verifyMs?: number
}

async function restoreInPlace(
  context: ProcedureContext,
  point: IdentifiedBackup,
  signal: AbortSignal,
): Promise<RestoredInPlace> {
  const { installation, id, watch } = context
  const { clock } = installation
  const beginMs = clock.monotonicMs()
  return await withBackup(context, point, signal, async ({ repository, snapshot, location, signal: locked }) => {
    const openMs = Math.round(clock.monotonicMs() - beginMs)
    const { bytes, oldPath, proveMs } = await restoreSqlite(
      { repository, snapshot, path: point.path, run: id, whileOpen: 'refuse', old: 'keep' },
      { clock, progress: watch.progress },
      locked,
    )
    const times = { durationMs: Math.round(clock.monotonicMs() - beginMs), openMs, verifyMs: Math.round(proveMs) }
    return { location, bytes, oldPath: oldPath ?? null, ...times }
  })
}

/** Compares what stands in production now with the manifest of the backup; by code that shares nothing with the restore. */
async function proveInPlace(
  context: ProcedureContext,
  point: IdentifiedBackup,
  restored: RestoredInPlace,
  signal: AbortSignal,
): Promise<{ readonly outcome: 'equal'; readonly tables: number }> {
  const { installation, run } = context
  const { catalog, clock } = installation
  const beginMs = clock.monotonicMs()
  const expected = await withBackup(context, point, signal, (opened) => readManifest(opened))
  if (expected?.kind !== 'sqlite') {
    throw new Failure(
      'not_proven',
      `Cannot prove database "${point.path}": backup "${point.backup.slice(0, 8)}" has no manifest`,
    )
  }
  await using sqlite = new SqliteWorkers()
  const found = await sqlite.examine(point.path, point.path, signal)
  const differences = compareSqliteManifests(expected, found)
  const { location } = restored
  const proveMs = Math.round(clock.monotonicMs() - beginMs)
  const durationMs = restored.durationMs + proveMs
  const { openMs, verifyMs } = restored
  // Of a step that an older program did, the parts are not known.
  const phases =
    openMs === undefined || verifyMs === undefined
      ? undefined
      : restorePhases({ durationMs, openMs, verifyMs: verifyMs + proveMs })
  const proof = { run, at: clock.now(), backup: point.backup, source: point.source, location, durationMs } as const
  await catalog.addProof({ ...proof, phases, outcome: differences.length === 0 ? 'equal' : 'different' })
  if (differences.length > 0) {
    throw new Failure('not_proven', `Cannot prove database "${point.path}": ${differences.slice(0, 5).join('; ')}`)
  }
  return { outcome: 'equal', tables: found.tables.length }
}
