import { dirname } from 'node:path'
import { Failure, isFailure } from '../../base/failure.ts'
import type { SqliteSourcePolicy } from '../../model/policy/policy.ts'
import { restoreSqlite } from '../../operations/sqlite/restore-sqlite.ts'
import { runBackups, runOf } from '../backup/run-backups.ts'
import type { BackupsOutcome } from '../backup/backup-order.ts'
import type { Installation, Watch } from '../installation.ts'
import { openBackup } from '../restore/open-backup.ts'
import { restoreSource } from '../restore/restore-source.ts'
import { directSteps } from '../step-runner.ts'

export interface GuardOrder {
  /** Unique for ever. */
  readonly run: string
  /** A SQLite source of the policy. */
  readonly source: string
  /** Puts the database back as it was where the operation fails. */
  readonly restoreOnFailure: boolean
}

export type StoredBackup = Extract<BackupsOutcome['sources'][number], { state: 'stored' }>

/** What a guarded operation came to. */
export interface Guarded<Answer> {
  readonly backup: StoredBackup
  readonly operation:
    | { readonly state: 'succeeded'; readonly answer: Answer }
    | { readonly state: 'failed'; readonly error: unknown }
  /** `restored`: the database is as it was before; with what the failed operation left, where it was put. */
  readonly restore:
    | { readonly state: 'not needed' | 'not asked for' }
    | { readonly state: 'restored'; readonly oldPath: string | undefined }
}

/**
 * The pre-operation backup: backs a SQLite source up, restores the backup beside and compares it with its manifest, and
 * only then lets the operation run. Where it throws and that is asked for, the database is put back. Failure `not_proven`,
 * and those of the backup, before the operation has begun; it has not run then. A failure of putting back says so.
 *
 * Crash order: the backup is stored and proven before the operation begins. A crash in the operation leaves what the
 * operation left, and the backup to restore; a crash while it is put back leaves one or the other database whole.
 */
export async function guardOperation<Answer>(
  installation: Installation,
  order: GuardOrder,
  operation: (signal: AbortSignal) => Promise<Answer>,
  watch: Watch,
  signal: AbortSignal,
): Promise<Guarded<Answer>> {
  const policy = requireSqlite(installation, order.source)
  const backup = await backUpAndProve(installation, order, watch, signal)
  const { catalog, clock, process } = installation
  const run = { id: `${order.run}:operation`, procedure: 'guard', trigger: 'guard', source: order.source } as const
  await catalog.beginRun({ ...run, dueAt: undefined, startedAt: clock.now(), process })
  const ended = await settle(operation(signal))
  if (ended.state === 'succeeded') {
    const summary = `the operation succeeded; backup ${backup.snapshot.slice(0, 8)}`
    await catalog.endRun(run.id, { state: 'done', endedAt: clock.now(), summary })
    return { backup, operation: ended, restore: { state: 'not needed' } }
  }
  const fail = async (became: string): Promise<void> => {
    const message = `the operation failed; the database was ${became}`
    await catalog.endRun(run.id, { state: 'failed', endedAt: clock.now(), failure: 'command_failed', message })
  }
  let restore: Guarded<Answer>['restore'] = { state: 'not asked for' }
  if (order.restoreOnFailure) {
    try {
      restore = await putBack(installation, { order, path: policy.path, backup, watch })
    } catch (error) {
      await fail('to be put back, and could not be')
      if (!isFailure(error)) throw error
      // Both are told: why the operation failed is not lost behind what came of it.
      const cause = new AggregateError([ended.error, error], 'The operation failed, and the database was not put back')
      throw new Failure(error.code, error.message, { cause, facts: error.facts })
    }
  }
  await fail(restore.state === 'restored' ? 'put back' : 'left as it is')
  return { backup, operation: ended, restore }
}

function requireSqlite({ policy }: Installation, source: string): SqliteSourcePolicy {
  const found = Object.hasOwn(policy.sources, source) ? policy.sources[source] : undefined
  if (found?.kind === 'sqlite') return found
  const sqlite = Object.entries(policy.sources).flatMap(([name, { kind }]) => (kind === 'sqlite' ? [name] : []))
  const what = found === undefined ? 'the policy has no source of this name' : `it is a source of ${found.kind}`
  const known = sqlite.length === 0 ? 'there is none' : sqlite.join(', ')
  throw new Failure('usage', `Cannot guard "${source}": ${what}, expected one of SQLite: ${known}`)
}

async function backUpAndProve(
  installation: Installation,
  order: GuardOrder,
  watch: Watch,
  signal: AbortSignal,
): Promise<StoredBackup> {
  const { source } = order
  const steps = directSteps(signal)
  const wanted = {
    id: order.run,
    sources: [source],
    kind: 'pre-operation',
    trigger: 'guard',
    dueAt: undefined,
  } as const
  const { sources, troubles } = await runBackups(installation, wanted, steps, watch)
  const [backup] = sources
  for (const trouble of troubles) watch.notice(trouble)
  if (backup?.state !== 'stored') {
    const { failure, message, hint } = backup!
    throw new Failure(failure, message, hint === undefined ? {} : { facts: { hint } })
  }
  const proof = await proveIn(installation, order, backup, watch, signal)
  if (proof.outcome === 'equal') return backup
  throw new Failure('not_proven', `Cannot rely on backup "${backup.snapshot.slice(0, 8)}": ${proof.differences[0]}`, {
    facts: { hint: 'The operation was not begun' },
  })
}

async function proveIn(
  installation: Installation,
  order: GuardOrder,
  backup: StoredBackup,
  watch: Watch,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<typeof restoreSource>>> {
  const folder = await installation.temporaryFolder(
    `prove-${runOf({ id: order.run }, order.source).replaceAll(':', '-')}`,
  )
  await using held = folder
  const { source, run } = order
  return await restoreSource(
    installation,
    { run, source, backup: backup.snapshot, location: 'primary', target: held.path },
    watch,
    signal,
  )
}

async function settle<Answer>(operation: Promise<Answer>): Promise<Guarded<Answer>['operation']> {
  try {
    return { state: 'succeeded', answer: await operation }
  } catch (error) {
    return { state: 'failed', error }
  }
}

/**
 * Puts the database back, also where the caller was stopped: that is just when it is needed. What the command left running
 * may still be writing: replaced under it, the database would be damaged by the journal that it writes next.
 */
async function putBack(
  installation: Installation,
  facts: { readonly order: GuardOrder; readonly path: string; readonly backup: StoredBackup; readonly watch: Watch },
): Promise<Extract<Guarded<never>['restore'], { state: 'restored' }>> {
  const { order, path, backup, watch } = facts
  const { catalog, clock } = installation
  const signal = AbortSignal.timeout(putBackMsMax)
  const known = (await catalog.backups({ source: order.source })).find(({ id }) => id === backup.snapshot)!
  try {
    await using opened = await openBackup(installation, { backup: known, location: undefined }, watch, signal)
    const { repository, snapshot } = opened
    const run = order.run.replaceAll(/[^A-Za-z0-9-]/g, '-')
    const { oldPath } = await restoreSqlite(
      { repository, snapshot, path, run, whileOpen: 'wait', old: 'keep' },
      { clock, progress: watch.progress, threads: installation.threads },
      opened.signal,
    )
    return { state: 'restored', oldPath }
  } catch (error) {
    if (!isFailure(error)) throw error
    throw new Failure(error.code, `Cannot put "${path}" back after the operation failed: ${error.message}`, {
      cause: error,
      facts: {
        hint: `Run \`restore ${order.source} ${backup.snapshot.slice(0, 8)} --to ${dirname(path)}\` somewhere else and look`,
      },
    })
  }
}

const putBackMsMax = 4 * 3_600_000
