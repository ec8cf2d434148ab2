import { chmod, readdir } from 'node:fs/promises'
import type { ByteName } from '../../base/byte-name.ts'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { PostgresqlBackup } from '../../model/postgresql-backup.ts'
import type { Repository } from '../../repository/repository.ts'
import { parseLsn } from '../../sources/postgresql/lsn.ts'
import { restore, type RestoreContext } from '../restore/restore.ts'
import type { RecoverySnapshot } from './plan-recovery.ts'

/** What a recovery must know of a physical snapshot, from what it tells of itself. `endedAt`: when the backup was complete. */
export function recoverySnapshotOf(
  facts: PostgresqlBackup,
  snapshot: { readonly id: Id; readonly endedAt: Date },
): RecoverySnapshot {
  return {
    ...snapshot,
    systemIdentifier: facts.systemIdentifier,
    timeline: facts.timeline,
    startLsn: parseLsn(facts.startLsn),
    endLsn: parseLsn(facts.endLsn),
    walEndLsn: parseLsn(facts.walEndLsn),
    restorePoint: facts.restorePoint ?? undefined,
    segmentBytes: facts.walSegmentBytes,
  }
}

/**
 * Restores the data folder of a physical snapshot into an empty folder, and answers where it is. Failure `target_unsafe`
 * where it is not empty; the first problem as a Failure where something could not be restored: a server must not start on
 * the rest. The caller holds a shared lock; the repository's index is loaded.
 */
export async function restoreDataFolder(
  request: {
    readonly repository: Repository
    /** Of the snapshot. */
    readonly tree: Id
    /** Of the snapshot's facts. */
    readonly dataDirectory: ByteName
    readonly target: ByteName
    readonly workers?: number
  },
  context: RestoreContext,
  signal: AbortSignal,
): Promise<ByteName> {
  const { dataDirectory, target, ...rest } = request
  await requireEmpty(target)
  const report = await restore(
    { ...rest, subpath: dataDirectory, target, overwrite: 'always', sparse: true, dryRun: false, verify: false },
    context,
    signal,
  )
  const [problem] = report.problems
  if (problem !== undefined) {
    throw new Failure(problem.code, `Cannot restore "${problem.path}" into "${target}": ${problem.detail}`, {
      facts: { problems: report.problems.length },
    })
  }
  await chmod(target, 0o700) // Nobody else may enter a data folder, else the server refuses it.
  return target
}

async function requireEmpty(target: ByteName): Promise<void> {
  const names = await readdir(target).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return []
    throw new Failure('target_failed', `Cannot look into "${target}"`, { cause: error })
  })
  if (names.length === 0) return
  throw new Failure(
    'target_unsafe',
    `Cannot recover into "${target}": it holds "${names[0]}", expected an empty folder`,
  )
}
