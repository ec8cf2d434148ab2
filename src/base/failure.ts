/**
 * Every way in which the program can fail, by a stable code. `retry` says whether the same call may succeed
 * when it is made again with nothing changed; `meaning` and `remedy` are the text of docs/failures.md,
 * which a test holds to this table in both directions.
 */
export const FAILURES = {
  usage: {
    retry: false,
    meaning: 'The command line or an argument is wrong.',
    remedy: 'Read the message: it names what was found and what is wanted. `--help` shows examples.',
  },
  stopped: {
    retry: true,
    meaning: 'The work was stopped by a signal or by its caller. The repository is valid.',
    remedy: 'Run the same command again: it goes on from what is already stored.',
  },
  storage_unreachable: {
    retry: true,
    meaning: 'The storage did not answer, or answered with a passing fault.',
    remedy: 'Check that the storage is mounted or reachable, then run the command again.',
  },
  storage_denied: {
    retry: false,
    meaning: 'The storage refused the access.',
    remedy: 'Check the owner and the permissions of the storage against the user that runs the program.',
  },
  storage_full: {
    retry: false,
    meaning: 'The storage has no room left. What was stored before stays valid.',
    remedy: 'Free room (`forget --prune` needs some itself) or enlarge the storage, then run the command again.',
  },
  storage_read_only: {
    retry: false,
    meaning: 'A write was asked of a storage that was opened for reading only.',
    remedy: 'Open it without `--no-lock` or `--dry-run`, or use another storage.',
  },
  object_missing: {
    retry: false,
    meaning: 'An object that should be in the storage is not there.',
    remedy: 'Run `check`; if a mirror holds the object, run `heal`.',
  },
  repository_missing: {
    retry: false,
    meaning: 'There is no repository at this place.',
    remedy: 'Check the place for a typing error; `repo init` makes a new repository.',
  },
  repository_exists: {
    retry: false,
    meaning: 'A repository was to be made where there is one already.',
    remedy: 'Use the existing repository, or choose another place.',
  },
  repository_unsupported: {
    retry: false,
    meaning: 'The repository has a format version that this program does not know.',
    remedy: 'Use a newer version of this program.',
  },
  repository_damaged: {
    retry: false,
    meaning: 'Stored bytes are not what their name or their seal says they must be.',
    remedy: 'Run `check --read-data` for the whole extent, then `heal` from a mirror.',
  },
  repository_locked: {
    retry: true,
    meaning: 'Another process holds a lock that does not go with this work.',
    remedy: 'Wait for it, or use `--retry-lock`. If that process is gone for sure, remove the lock with `repo unlock`.',
  },
  lock_lost: {
    retry: true,
    meaning: 'The lock could not be refreshed in time, or was removed by somebody, so the work was stopped.',
    remedy: 'Look for what stopped this process or its storage for so long, then run the command again.',
  },
  key_wrong: {
    retry: false,
    meaning: 'No key in the repository opens with this password, or the master key is not that of the repository.',
    remedy: 'Check the password file or the keyring; a repository without its key can not be read by anybody.',
  },
  snapshot_missing: {
    retry: false,
    meaning: 'No snapshot matches what was asked for.',
    remedy: '`backups` lists what there is under a policy, `snapshots` what is in one repository.',
  },
  snapshot_ambiguous: {
    retry: false,
    meaning: 'More than one snapshot begins with this id.',
    remedy: 'Give more characters of the id.',
  },
  path_missing: {
    retry: false,
    meaning: 'A path that was named is not there.',
    remedy: 'Check the path; `ls` lists what a snapshot holds.',
  },
  source_unreadable: {
    retry: false,
    meaning: 'The source as a whole can not be read.',
    remedy: 'Check that it exists and that this user may read it.',
  },
  target_unsafe: {
    retry: false,
    meaning: 'A restore would have written outside its target, so it wrote nothing there.',
    remedy: 'Restore into an empty directory, or remove the symlink that the message names.',
  },
  target_failed: {
    retry: false,
    meaning: 'The target of a restore could not be written.',
    remedy: 'Check room, permissions and file system of the target, then run it again: what is right is kept.',
  },
  refused: {
    retry: false,
    meaning: 'The work would have removed something that must stay, so nothing was done.',
    remedy: 'Read the message: it names what would have been lost. Change the request if the loss is meant.',
  },
  not_proven: {
    retry: false,
    meaning: 'What was restored or read is not what was backed up.',
    remedy: 'Do not rely on this copy. Run `check --read-data`, then `heal` from a mirror, then prove it again.',
  },
  unsupported: {
    retry: false,
    meaning: 'This machine lacks something that the work needs.',
    remedy: 'The message names what is missing.',
  },
  policy_invalid: {
    retry: false,
    meaning: 'The policy file is not a policy: something in it is missing, unknown or out of range.',
    remedy: 'Each fault is listed with its line, what was found and what is wanted. `policy check` shows them again.',
  },
  policy_missing: {
    retry: false,
    meaning: 'There is no policy file where one was looked for.',
    remedy: 'Name it with `--policy` or ZAKOPS_BACKUP_POLICY, or make one with `init`.',
  },
  keyring_missing: {
    retry: false,
    meaning: 'The keyring that the policy names is not there. Without its keys no backup can be opened.',
    remedy:
      'Put the keyring back from its own copy at the place that the message names, or recover the keys with the recovery kit.',
  },
  keyring_locked: {
    retry: false,
    meaning: 'The keyring does not open with this passphrase or key file, or the key that is needed is not in it.',
    remedy:
      'Check the passphrase or key file that was given or that the policy refers to. A key that the keyring lacks is brought by `keys import` from an export; one that was destroyed is gone.',
  },
  keyring_busy: {
    retry: true,
    meaning: 'Another process is writing the keyring, or changed it meanwhile.',
    remedy: 'Run the command again. If no other program is at work there, the message names the lock to remove.',
  },
  keyring_damaged: {
    retry: false,
    meaning: 'The keyring is not as it was written.',
    remedy: 'Put the keyring back from its own copy.',
  },
  kit_locked: {
    retry: false,
    meaning:
      'The shares of the recovery kit that were given do not open it: they are too few, or do not belong together.',
    remedy: 'Bring as many shares of one kit as the message wants, each with a `--share` of its own.',
  },
  kit_damaged: {
    retry: false,
    meaning: 'What was given as a share of the recovery kit is none, or is not as it was written.',
    remedy: 'Scan or copy the file that the message names again from its page, or bring the share of another holder.',
  },
  secret_missing: {
    retry: false,
    meaning: 'A secret that the policy refers to is not there.',
    remedy: 'Set the environment variable or write the file that the message names.',
  },
  catalog_unreadable: {
    retry: false,
    meaning: 'The catalog is damaged, or was made by a newer version of this program. No backup depends on it.',
    remedy: 'Use the newer version, or move the catalog aside and run `catalog rebuild`, which reads the repositories.',
  },
  database_unreadable: {
    retry: false,
    meaning: 'A database could not be read, or fails its own integrity check.',
    remedy: 'Read the message: it names the database and what was found. The backups taken before are untouched.',
  },
  database_busy: {
    retry: true,
    meaning: 'Another process has the database open where this work needs it alone.',
    remedy: 'Stop the service that uses it, then run the command again; or say that it is meant.',
  },
  connection_failed: {
    retry: true,
    meaning: 'The database server could not be reached, or the connection broke.',
    remedy: 'Check that the server runs and that address, port and network are right.',
  },
  access_denied: {
    retry: false,
    meaning: 'The database server refused the user, the password or the right that the work needs.',
    remedy: 'The message says which right is missing and how it is given.',
  },
  wal_gap: {
    retry: false,
    meaning: 'The write-ahead log that a recovery needs is not complete.',
    remedy: 'The message says which window can be recovered; choose a target in it.',
  },
  wal_conflict: {
    retry: false,
    meaning: 'A WAL segment of this name is stored already with other content.',
    remedy:
      'Two servers archive into one place, or a server was restored without a new timeline. Give each its own source.',
  },
  command_failed: {
    retry: false,
    meaning: 'A command that the program was told to run did not succeed.',
    remedy: 'Read what the command printed.',
  },
  defect: {
    retry: false,
    meaning: 'The program met a state that it holds to be impossible.',
    remedy: 'Please report it with the message; the repository is only ever added to before an index is written.',
  },
} as const satisfies Record<string, { retry: boolean; meaning: string; remedy: string }>

export type FailureCode = keyof typeof FAILURES

/** What a failure knows besides its message: names, sizes, a hint. Never secrets. */
export type FailureFacts = Readonly<Record<string, string | number | boolean | bigint | undefined>>

/**
 * The one error of this program. The message says `Cannot <verb> <thing> "<name>": <found>, expected <wanted>`,
 * without a full stop; a second sentence for the user goes into `facts.hint`.
 */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: FailureCode
  readonly facts: FailureFacts

  constructor(code: FailureCode, message: string, options: { facts?: FailureFacts; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.facts = options.facts ?? {}
  }

  /** Whether the same call may succeed later with nothing changed. */
  get retry(): boolean {
    return FAILURES[this.code].retry
  }
}

/** Says whether `error` is a Failure, of this code where one is given. */
export function isFailure(error: unknown, code?: FailureCode): error is Failure {
  return error instanceof Failure && (code === undefined || error.code === code)
}
