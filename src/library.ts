import { randomBytes } from 'node:crypto'
import type { GlobalOptions } from './cli/options/global-options.ts'
import { openInstallation } from './cli/access/open-installation.ts'
import { Output } from './cli/output/output.ts'
import { toHex } from './base/hex.ts'
import { thisMachine } from './machine.ts'
import { guardOperation } from './procedures/guard/guard-operation.ts'
import { noProgress } from './operations/progress.ts'

export { Failure, isFailure, type FailureCode } from './base/failure.ts'

export interface PreOperationOptions {
  /** The policy file; else ZAKOPS_BACKUP_POLICY, ./zakops-backup.yaml, /etc/zakops-backup/policy.yaml. */
  readonly policy?: string
  /** Puts the database back as it was where the operation throws. */
  readonly restoreOnFailure?: boolean
  /** Stops the backup, and is handed to the operation. */
  readonly signal?: AbortSignal
}

/** What a guarded operation came to. */
export interface PreOperationResult<Answer> {
  /** What the operation answered. */
  readonly answer: Answer
  /** Id of the backup that was taken and proven before it ran: a restic snapshot. */
  readonly snapshotId: string
  /** Locations that hold it. */
  readonly copies: readonly string[]
}

/**
 * The pre-operation backup of the policy as a library call: backs a SQLite source up, restores that backup beside and
 * compares it with what was backed up, and only then calls `operation`. Where the operation throws, its error is thrown
 * again, after the database was put back if that was asked for; close your own connections before you throw then. Where it can
 * not be put back, it rejects with a Failure that says so, whose cause holds both errors. Failure of the backup: it rejects
 * with a Failure, and `operation` was not called. All of it is on record, as with
 * `zakops-backup guard`.
 */
export async function withPreOperationBackup<Answer>(
  source: string,
  operation: (signal: AbortSignal) => Promise<Answer> | Answer,
  options: PreOperationOptions = {},
): Promise<PreOperationResult<Answer>> {
  const signal = options.signal ?? new AbortController().signal
  const machine = thisMachine()
  await using _threads = machine.threads
  const world = { ...machine, words: [], signal }
  const output = new Output({ ...world, json: true, verbosity: 'quiet' })
  const globals = { ...quietGlobals, policy: options.policy }
  await using opened = await openInstallation({ world, globals, output, signal })
  const { backup, operation: ended } = await guardOperation(
    opened.installation,
    {
      run: `run-${toHex(randomBytes(8))}`,
      source,
      restoreOnFailure: options.restoreOnFailure ?? false,
    },
    async (stop) => await operation(stop),
    { progress: noProgress, notice: () => {} },
    signal,
  )
  if (ended.state === 'failed') throw ended.error
  return { answer: ended.answer, snapshotId: backup.snapshot, copies: backup.copies }
}

const quietGlobals: GlobalOptions = {
  policy: undefined,
  acceptWeaker: undefined,
  repo: undefined,
  repositoryFile: undefined,
  passwordFile: undefined,
  passwordCommand: undefined,
  password: undefined,
  insecureNoPassword: false,
  keyHint: undefined,
  masterKeyFile: undefined,
  json: true,
  verbosity: 'quiet',
  lock: true,
  retryLockMs: 0,
  limitUpload: 0,
  limitDownload: 0,
  compression: 'auto',
  packSize: undefined,
  progressPerSecond: undefined,
}
