import { mkdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { printableName } from '../../base/byte-name.ts'
import { errorCode } from '../../base/error-code.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import { decodeManifest, manifestName } from '../../model/manifest-json.ts'
import type { SqliteManifest } from '../../model/manifest.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import type { Repository } from '../../repository/repository.ts'
import { lendCrew, type RestingThreads } from '../../kernels/resting-threads.ts'
import { compareSqliteManifests } from '../../sources/sqlite/compare-manifests.ts'
import { statOf } from '../../sources/sqlite/database-file.ts'
import { databaseUsers } from '../../sources/sqlite/database-users.ts'
import { putInPlace } from '../../sources/sqlite/put-in-place.ts'
import { SqliteWorkers } from '../../sources/sqlite/sqlite-workers.ts'
import { attachmentFolder, readAttachment } from '../attachments.ts'
import { restore, type RestoreContext } from '../restore/restore.ts'

export interface SqliteRestoreRequest {
  /** Its index is loaded; the caller holds a shared lock. */
  readonly repository: Repository
  /** A backup of a SQLite database. */
  readonly snapshot: Snapshot
  /** Where the database is to be: the path of its file, absolute. Its folder is made where it is missing. */
  readonly path: string
  /** Part of the names beside that path that are used meanwhile, e.g. the run's id. */
  readonly run: string
  /**
   * `wait`: a process that is about to end is given some seconds to let go of the database, then it is refused; what this
   * process itself has open does not count. `replace`: even if another process has the database open; that process goes on
   * with the old one, which nobody sees any more, and a journal that it begins then would lie beside the new one.
   */
  readonly whileOpen: 'refuse' | 'wait' | 'replace'
  /** What becomes of a database that is there: it stays as `<path>.zakops-<run>.old`, or goes away. */
  readonly old: 'keep' | 'remove'
  readonly workers?: number
}

export interface SqliteRestoreReport {
  readonly path: string
  readonly bytes: number
  /** Of what was restored; equal to the backup's. */
  readonly manifest: SqliteManifest
  /** The database that was there before, where it was and was kept. */
  readonly oldPath: string | undefined
  /** The part of the time that went to proving what was restored, ms. */
  readonly proveMs: number
}

/**
 * Restores a database: beside its place, where it must pass the integrity check and have the manifest of its backup, and only then
 * into the place (see putInPlace() for what a crash leaves). Until then what is there is not touched, and whatever fails
 * leaves it as it was. Failures: `not_proven` where it is not what was backed up, `database_busy` where another
 * process has the database open, `path_missing` where the snapshot is none of a database, `target_failed`, and those of the
 * repository.
 */
export async function restoreSqlite(
  request: SqliteRestoreRequest,
  context: RestoreContext & { readonly threads?: RestingThreads },
  signal: AbortSignal,
): Promise<SqliteRestoreReport> {
  const { path, run, whileOpen, old } = request
  await using lent = lendCrew(context.threads, SqliteWorkers)
  await requireFree(request, context.clock, signal)
  const folder = `${path}.zakops-${run}`
  try {
    mkdirSync(dirname(path), { recursive: true })
    rmSync(folder, { recursive: true, force: true }) // Left by the same run, which was killed.
    mkdirSync(folder, { mode: 0o700 })
    const restored = await restoreInto(folder, request, context, signal)
    const proveBeginMs = context.clock.monotonicMs()
    const manifest = await prove(restored, request, lent.crew, signal)
    lent.keep()
    const proveMs = context.clock.monotonicMs() - proveBeginMs
    await requireFree({ path, whileOpen }, context.clock, signal) // Restoring may have taken an hour.
    const aside = `${folder}.old`
    const bytes = Number(statOf(restored)!.size)
    putInPlace({ from: restored, path, aside, old })
    return { path, bytes, manifest, oldPath: statOf(aside) === undefined ? undefined : aside, proveMs }
  } catch (error) {
    if (error instanceof Failure || errorCode(error) === undefined) throw error
    throw new Failure('target_failed', `Cannot restore database "${path}": ${errorMessage(error)}`, { cause: error })
  } finally {
    if (statOf(folder) !== undefined) rmSync(folder, { recursive: true, force: true })
  }
}

const waitMsMax = 10_000
const waitEveryMs = 200

async function requireFree(
  { path, whileOpen }: Pick<SqliteRestoreRequest, 'path' | 'whileOpen'>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  if (whileOpen === 'replace') return
  let users = databaseUsers(path)
  if (whileOpen === 'wait') {
    const others = (): typeof users => databaseUsers(path).filter(({ processId }) => processId !== process.pid)
    users = others()
    for (let waitedMs = 0; users.length > 0 && waitedMs < waitMsMax; waitedMs += waitEveryMs) {
      await clock.sleep(waitEveryMs, signal)
      users = others()
    }
  }
  if (users.length === 0) return
  const told = users
    .slice(0, 5)
    .map(({ processId, name }) => (name === undefined ? `${processId}` : `${name} (${processId})`))
  throw new Failure('database_busy', `Cannot replace database "${path}": it is open in process ${told.join(', ')}`, {
    facts: { hint: 'Stop what uses it; or replace it all the same, and restart that process afterwards.' },
  })
}

/** Restores the snapshot's one file into a folder; answers its path there. */
async function restoreInto(
  folder: string,
  { repository, snapshot, path, workers }: SqliteRestoreRequest,
  context: RestoreContext,
  signal: AbortSignal,
): Promise<string> {
  const { nodes } = await repository.loadTree(snapshot.tree, signal)
  const files = nodes.filter(({ name }) => name !== attachmentFolder)
  const [file] = files
  if (files.length !== 1 || file?.type !== 'file') {
    throw new Failure(
      'path_missing',
      `Cannot restore a database from snapshot "${snapshot.id}": it is none of a database`,
    )
  }
  const { problems } = await restore(
    {
      repository,
      tree: snapshot.tree,
      subpath: file.name,
      target: folder,
      overwrite: 'always',
      sparse: false,
      dryRun: false,
      verify: false,
      ...(workers !== undefined && { workers }),
    },
    context,
    signal,
  )
  const [problem] = problems
  if (problem !== undefined) {
    throw new Failure(problem.code, `Cannot restore "${printableName(problem.path)}": ${problem.detail}`)
  }
  const restored = join(folder, basename(path))
  if (file.name !== basename(path)) renameSync(join(folder, file.name), restored)
  return restored
}

/** The manifest of what was restored, once it is found to be that of the backup. */
async function prove(
  restored: string,
  { repository, snapshot, path }: SqliteRestoreRequest,
  sqlite: SqliteWorkers,
  signal: AbortSignal,
): Promise<SqliteManifest> {
  const content = await readAttachment(repository, snapshot, manifestName, signal)
  const expected = content && decodeManifest(content, `the manifest of snapshot "${snapshot.id}"`)
  let manifest: SqliteManifest
  try {
    manifest = await sqlite.examine(restored, path, signal)
  } catch (error) {
    if (!isFailure(error, 'database_unreadable')) throw error
    throw new Failure('not_proven', error.message, { cause: error })
  }
  if (expected?.kind !== 'sqlite') {
    throw new Failure('not_proven', `Cannot prove what was restored: snapshot "${snapshot.id}" has no manifest`)
  }
  const differences = compareSqliteManifests(expected, manifest)
  if (differences.length === 0) return manifest
  throw new Failure('not_proven', `Cannot restore database "${path}": ${differences.slice(0, 5).join('; ')}`)
}
