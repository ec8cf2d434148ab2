import { Failure } from '../../base/failure.ts'
import type { SqliteSourcePolicy } from '../../model/policy/policy.ts'
import { restoreSqlite } from '../../operations/sqlite/restore-sqlite.ts'
import { compareSqliteManifests } from '../../sources/sqlite/compare-manifests.ts'
import { SqliteWorkers } from '../../sources/sqlite/sqlite-workers.ts'
import { askFile, failedFileAssertions } from '../questions/ask-file.ts'
import { chooseBackup } from '../restore/choose-backup.ts'
import { readManifest } from '../restore/read-manifest.ts'
import type { ProcedureContext } from '../runs/procedure-context.ts'
import { servicesOf } from '../services/services.ts'
import type { DatabaseForm, ProvenDatabase, RestoredDatabase } from './database-form.ts'
import { type DatabaseRestoreOrder, type IdentifiedFile, withBackup } from './identified-backup.ts'
import { oldDatabasePath } from './old-database.ts'

/** Decides what to restore of a SQLite source, and touches nothing. Failures of chooseBackup(). */
export async function identifyFile(
  { installation, id }: Pick<ProcedureContext, 'installation' | 'id'>,
  { path }: SqliteSourcePolicy,
  { source, backup: wanted, location }: DatabaseRestoreOrder,
): Promise<IdentifiedFile> {
  const { catalog, policy } = installation
  const backups = (await catalog.backups({ source })).filter(({ environment }) => environment === policy.environment)
  const backup = chooseBackup(source, backups, wanted)
  return {
    backup: backup.id,
    source,
    sourceKind: backup.sourceKind,
    takenAt: backup.takenAt.toISOString(),
    location,
    path,
    oldPath: oldDatabasePath(path, id),
    services: servicesOf(installation, source),
  }
}

/**
 * A database in a file is restored beside the old one and put into its place by one rename, which is the commit point; what
 * stands there then is compared.
 */
export function fileForm(point: IdentifiedFile): DatabaseForm {
  return {
    restore: (context, signal) => restoreInPlace(context, point, signal),
    prove: (context, restored, signal) => proveInPlace(context, point, restored, signal),
    ask: () => askFile(point.path),
  }
}

async function restoreInPlace(
  context: ProcedureContext,
  point: IdentifiedFile,
  signal: AbortSignal,
): Promise<RestoredDatabase> {
  const { installation, id, watch } = context
  const { clock } = installation
  const beginMs = clock.monotonicMs()
  return await withBackup(context, point, signal, async ({ repository, snapshot, location, signal: locked }) => {
    const { bytes, oldPath } = await restoreSqlite(
      { repository, snapshot, path: point.path, run: id, whileOpen: 'refuse', old: 'keep' },
      { clock, progress: watch.progress, threads: installation.threads },
      locked,
    )
    return { location, bytes, oldPath: oldPath ?? null, durationMs: Math.round(clock.monotonicMs() - beginMs) }
  })
}

/** Compares what stands in production now with the manifest of the backup; by code that shares nothing with the restore. */
async function proveInPlace(
  context: ProcedureContext,
  point: IdentifiedFile,
  restored: RestoredDatabase,
  signal: AbortSignal,
): Promise<ProvenDatabase> {
  const { installation, run } = context
  const { catalog, clock } = installation
  const expected = await withBackup(context, point, signal, (opened) => readManifest(opened))
  if (expected?.kind !== 'sqlite') {
    throw new Failure(
      'not_proven',
      `Cannot prove database "${point.path}": backup "${point.backup.slice(0, 8)}" has no manifest`,
    )
  }
  await using lent = installation.threads.lend(SqliteWorkers)
  const found = await lent.crew.examine(point.path, point.path, signal)
  lent.keep()
  const { path, source } = point
  const differences = [
    ...compareSqliteManifests(expected, found),
    ...(await failedFileAssertions(installation.policy, { source, path }, signal)),
  ]
  const { location, durationMs } = restored
  const proof = { run, at: clock.now(), backup: point.backup, source: point.source, location, durationMs } as const
  await catalog.addProof({ ...proof, outcome: differences.length === 0 ? 'equal' : 'different' })
  if (differences.length > 0) {
    throw new Failure('not_proven', `Cannot prove database "${point.path}": ${differences.slice(0, 5).join('; ')}`)
  }
  return { outcome: 'equal', tables: found.tables.length, doubts: [] }
}
