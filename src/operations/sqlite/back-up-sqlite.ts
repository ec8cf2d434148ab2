import { type BigIntStats, chmodSync, chownSync, utimesSync } from 'node:fs'
import { basename, join } from 'node:path'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import type { BackupKind } from '../../model/backup.ts'
import { encodeManifest, manifestName } from '../../model/manifest-json.ts'
import type { SqliteManifest } from '../../model/manifest.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { excludeNothing } from '../../sources/files/exclude-rules.ts'
import type { Gap } from '../../sources/files/gap.ts'
import { chunkBytesOf } from '../../sources/sqlite/chunk-bytes.ts'
import { makeCopyFolder } from '../../sources/sqlite/copy-folder.ts'
import { databaseFile, statOf } from '../../sources/sqlite/database-file.ts'
import { type DatabaseIdentity, identityOf, isSameIdentity } from '../../sources/sqlite/database-identity.ts'
import { lendCrew } from '../../kernels/resting-threads.ts'
import { SqliteWorkers } from '../../sources/sqlite/sqlite-workers.ts'
import { backUp, parentOf } from '../back-up/back-up.ts'
import type { BackupContext, BackupReport, BackupRequest } from '../back-up/backup-request.ts'
import { takeOver } from '../back-up/take-over.ts'
import { factsOfParent, sourceAttachment } from './source-json.ts'

export interface SqliteBackupRequest
  extends Pick<
    BackupRequest,
    'repository' | 'hostname' | 'username' | 'userId' | 'groupId' | 'tags' | 'time' | 'compression' | 'packBytes'
  > {
  /** The database, an absolute path. */
  readonly path: string
  /** For temporary copies; each has the size of the database. Made where it is missing. */
  readonly workFolder: string
  /** A full reads the database and every pack that it relies on; the others recognise one that nobody wrote to. */
  readonly kind: BackupKind
  readonly parent: BackupRequest['parent']
  readonly workers?: number
  /** How long a lock of another process is waited for; 10 s where it is not given. */
  readonly busyMs?: number
}

export type SqliteBackupReport = BackupReport & {
  readonly manifest: SqliteManifest
  /** The database was recognised as that of the parent, and not read. */
  readonly isUnchanged: boolean
}

const busyMsDefault = 10_000

/**
 * Makes one snapshot of a SQLite database: of a consistent copy that passed the integrity check, with its manifest. The
 * database itself is never written to. Nothing is a backup where a check fails: Failure `database_unreadable` with what it
 * said. Others: `source_unreadable`, `database_busy`, `storage_full` (no room for the copy), `unsupported`, and those of
 * backUp(). The caller holds a shared lock on the repository, whose index is loaded.
 */
export async function backUpSqlite(
  request: SqliteBackupRequest,
  context: BackupContext,
  signal: AbortSignal,
): Promise<SqliteBackupReport> {
  const { repository, path } = request
  await using lent = lendCrew(context.threads, SqliteWorkers)
  const begin = context.clock.now()
  // Taken before anything is read: what is written from now on gives the next backup another identity.
  const identity = identityOf(path, begin)
  const parent = await parentOf(request, { paths: [path], before: request.time ?? begin }, signal)
  const before = parent && (await factsOfParent(repository, parent, signal))
  if (parent !== undefined && before !== undefined && isRecognised(request, before.source.identity, identity)) {
    const taken = await takeOver({ ...request, paths: [path], parent }, context, signal)
    if (taken !== undefined) return { ...taken, manifest: before.manifest, isUnchanged: true }
  }
  const work = { identity, parent, chunkBytes: before?.source.chunkBytes, sqlite: lent.crew }
  const report = await backUpCopy(request, work, context, signal)
  lent.keep()
  return report
}

function isRecognised(
  { kind }: SqliteBackupRequest,
  before: DatabaseIdentity | null,
  now: DatabaseIdentity | undefined,
): boolean {
  return kind !== 'full' && isSameIdentity(before, now)
}

interface CopyWork {
  readonly identity: DatabaseIdentity | undefined
  readonly parent: Snapshot | undefined
  /** Of the parent's chunks. */
  readonly chunkBytes: number | undefined
  readonly sqlite: SqliteWorkers
}

async function backUpCopy(
  request: SqliteBackupRequest,
  work: CopyWork,
  context: BackupContext,
  signal: AbortSignal,
): Promise<SqliteBackupReport> {
  const { repository, path, kind, busyMs = busyMsDefault } = request
  const name = basename(path)
  const original = databaseFile(path)
  const bytes = original.size + (statOf(`${path}-wal`)?.size ?? 0n)
  using folder = makeCopyFolder(request.workFolder, bytes, repository.random)
  const copy = join(folder.path, name)
  const facts = await work.sqlite.copy({ path, target: copy, busyMs }, signal)
  likeOriginal(original, copy)
  const stopping = new AbortController()
  const examining = work.sqlite.examine(copy, path, AbortSignal.any([signal, stopping.signal]))
  examining.catch(() => {}) // Its turn comes below; until then Node must not call it unhandled.
  const chunkBytes = chunkBytesOf(facts.pages * facts.pageSize, facts.pageSize, work.chunkBytes)
  const source = { version: 1, kind: 'sqlite', path, chunkBytes, identity: work.identity ?? null } as const
  try {
    const report = await backUp(
      {
        ...request,
        paths: [name],
        snapshotPaths: [path],
        workingDirectory: folder.path,
        excludes: excludeNothing,
        parent: work.parent === undefined ? 'none' : { id: work.parent.id },
        read: 'all',
        chunking: { kind: 'fixed', bytes: chunkBytes },
        ...(kind === 'full' && { rehash: 'relied' }),
        attach: async ({ gaps }) => {
          requireWhole(gaps, path)
          return [{ name: manifestName, content: encodeManifest(await examining) }, sourceAttachment(source)]
        },
      },
      context,
      signal,
    )
    return { ...report, manifest: await examining, isUnchanged: false }
  } catch (error) {
    stopping.abort(error)
    throw error
  }
}

/** Gives the copy the owner, mode and times of the original: the snapshot tells them, and a restore brings them back. */
function likeOriginal({ uid, gid, mode, atimeNs, mtimeNs }: BigIntStats, copy: string): void {
  try {
    chownSync(copy, Number(uid), Number(gid))
  } catch (error) {
    if (errorCode(error) !== 'EPERM') throw error // Only root gives files away; others back up their own.
  }
  chmodSync(copy, Number(mode) & 0o7777)
  utimesSync(copy, Number(atimeNs / 1000n) / 1e6, Number(mtimeNs / 1000n) / 1e6)
}

/** A copy of our own has no gaps; should it have some, somebody else was at it. */
function requireWhole([gap]: readonly Gap[], path: string): void {
  if (gap === undefined) return
  throw new Failure(
    'source_unreadable',
    `Cannot read the copy of database "${path}": ${gap.path} ${gap.reason}: ${gap.detail}`,
  )
}
