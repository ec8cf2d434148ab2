import type { FailureCode } from '../base/failure.ts'

/** What the exit codes of the program mean (docs/failures.md). */
export const exitMeanings = {
  0: 'done',
  1: 'failed',
  2: 'wrong usage',
  3: 'done with gaps: the result is valid but not complete, and the gaps were named',
  4: 'refused, since it would have broken a rule',
  5: 'not proven, or damaged',
} as const

export type ExitCode = keyof typeof exitMeanings

/** The exit code of each failure. A code that is missing here does not compile. */
export const exitCodes = {
  usage: 2,
  stopped: 1,
  storage_unreachable: 1,
  storage_denied: 1,
  storage_full: 1,
  storage_read_only: 4,
  object_missing: 5,
  repository_missing: 1,
  repository_exists: 4,
  repository_unsupported: 1,
  repository_damaged: 5,
  repository_locked: 1,
  lock_lost: 1,
  key_wrong: 1,
  snapshot_missing: 1,
  snapshot_ambiguous: 1,
  path_missing: 1,
  source_unreadable: 1,
  target_unsafe: 4,
  target_failed: 1,
  refused: 4,
  not_proven: 5,
  unsupported: 1,
  policy_invalid: 2,
  policy_missing: 2,
  keyring_missing: 1,
  keyring_locked: 1,
  keyring_busy: 1,
  keyring_damaged: 5,
  kit_locked: 1,
  kit_damaged: 1,
  secret_missing: 1,
  catalog_unreadable: 1,
  database_unreadable: 5,
  database_busy: 4,
  connection_failed: 1,
  access_denied: 1,
  wal_gap: 5,
  wal_conflict: 4,
  command_failed: 1,
  defect: 1,
} as const satisfies Record<FailureCode, ExitCode>
