import { errorCode } from '../../base/error-code.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure, type FailureCode, isFailure } from '../../base/failure.ts'

/** What the server or the driver said, by its SQLSTATE or the system's error code, and what is to be done. */
interface Meaning {
  readonly code: FailureCode
  readonly hint?: string
}

const grantReplication = 'Give the user the right to replicate: ALTER ROLE <user> REPLICATION'

/** Where a lock was waited for in vain. */
export const lockHint =
  'Somebody holds a lock for longer than a backup waits: pg_locks and pg_stat_activity tell who. End that, or wait for it, and run the backup again'

/** By SQLSTATE; a class ("08") stands for all of its states that are not listed themselves. */
const meanings: Readonly<Record<string, Meaning>> = {
  '28P01': {
    code: 'access_denied',
    hint: 'Check the password: the policy names it, or ~/.pgpass (mode 0600) holds it',
  },
  '28000': {
    code: 'access_denied',
    hint: 'Check that the role exists and may log in, and that pg_hba.conf of the server has a line for this user and address; for backups also one whose database is "replication"',
  },
  '42501': { code: 'access_denied', hint: 'Give the user the right that the message names' },
  '3D000': { code: 'access_denied', hint: 'Name a database that exists in the connection URL' },
  '53300': {
    code: 'connection_failed',
    hint: 'Raise max_wal_senders (a backup takes two for itself) or max_connections in postgresql.conf and restart the server',
  },
  '53400': { code: 'access_denied', hint: 'Raise max_replication_slots in postgresql.conf and restart the server' },
  '55P03': { code: 'database_unreadable', hint: lockHint },
  '57P03': { code: 'connection_failed', hint: 'The server starts up or shuts down; try again' },
  '58P01': {
    code: 'wal_gap',
    hint: 'The server removed WAL while it was needed: raise max_slot_wal_keep_size or wal_keep_size',
  },
  '08': { code: 'connection_failed' },
  '57': { code: 'connection_failed' },
  XX001: { code: 'database_unreadable' },
  XX002: { code: 'database_unreadable' },
}

/** The Failure that an error of a connection stands for. `doing`: "Cannot read PostgreSQL \"host\"". */
export function connectionFailure(error: unknown, doing: string): Failure {
  if (isFailure(error)) return error
  if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError)
    return new Failure('defect', `${doing}: ${errorMessage(error)}`, { cause: error })
  // The driver's own words, where the server asks for a password and there is none to send.
  if (error instanceof Error && /client password must be/.test(error.message)) {
    const facts = { hint: meanings['28P01']!.hint }
    return new Failure('access_denied', `${doing}: it asks for a password, and none is known`, { cause: error, facts })
  }
  const code = errorCode(error)
  const meaning = (code === undefined ? undefined : (meanings[code] ?? meanings[code.slice(0, 2)])) ?? unknown(code)
  const hint = code === '42501' && /wal sender|replication/i.test(errorMessage(error)) ? grantReplication : meaning.hint
  return new Failure(meaning.code, `${doing}: ${errorMessage(error)}`, {
    cause: error,
    facts: { ...(hint !== undefined && { hint }), ...(code !== undefined && { state: code }) },
  })
}

function unknown(code: string | undefined): Meaning {
  return { code: isServerState(code) ? 'database_unreadable' : 'connection_failed' }
}

/** Five characters with a digit are a state of the server, which answered; everything else ("EPIPE") is the way to it. */
export function isServerState(code: unknown): boolean {
  return typeof code === 'string' && /^(?=.*\d)[0-9A-Z]{5}$/.test(code)
}
