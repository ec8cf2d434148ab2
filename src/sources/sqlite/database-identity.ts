import { closeSync, openSync, readSync, type BigIntStats } from 'node:fs'
import { errorCode } from '../../base/error-code.ts'
import { databaseFile, statOf } from './database-file.ts'

/** By what a database is recognised that nobody wrote to. Numbers as text, times in nanoseconds. */
export interface DatabaseIdentity {
  readonly database: FileIdentity
  /** Where there is one that is not empty. */
  readonly wal: LogIdentity | null
  readonly journal: FileIdentity | null
}

export interface FileIdentity {
  readonly size: string
  readonly mtime: string
  readonly ctime: string
  readonly inode: string
}

/**
 * The header, which has new salts each time the log is begun anew, stands for ctime: SQLite, run by root, sets the owner of a log
 * whenever it opens it, to read too.
 */
export interface LogIdentity extends Omit<FileIdentity, 'ctime'> {
  readonly header: string
}

/** Whatever was written within so long before is not told apart by time: clocks of file systems tick, some every 2 s. */
const settleMs = 2500

/**
 * The identity of a database, to be taken before its content is read; undefined where it was written to so shortly before
 * `now` that a write after this one might leave no trace: then it must not be recognised. A write to it that comes later
 * gives another identity, since every write sets mtime and ctime, and ctime can not be set back. Failures as of
 * databaseFile().
 */
export function identityOf(path: string, now: Date): DatabaseIdentity | undefined {
  const journal = notEmpty(statOf(`${path}-journal`))
  const wal = notEmpty(statOf(`${path}-wal`))
  const database = databaseFile(path)
  const settled = BigInt(now.getTime() - settleMs) * 1_000_000n
  if (database.ctimeNs > settled || (journal?.ctimeNs ?? 0n) > settled || (wal?.mtimeNs ?? 0n) > settled)
    return undefined
  const header = wal && walHeader(`${path}-wal`)
  if (wal !== undefined && header === undefined) return undefined
  return {
    database: fileIdentity(database),
    wal: wal === undefined ? null : logIdentity(wal, header!),
    journal: journal === undefined ? null : fileIdentity(journal),
  }
}

/** Whether both are known, and are the same. */
export function isSameIdentity(
  a: DatabaseIdentity | null | undefined,
  b: DatabaseIdentity | null | undefined,
): boolean {
  if (!a || !b) return false
  return isSameFile(a.database, b.database) && isSameFile(a.wal, b.wal) && isSameFile(a.journal, b.journal)
}

type AnyIdentity = Omit<FileIdentity, 'ctime'> & { readonly ctime?: string; readonly header?: string }

function isSameFile(a: AnyIdentity | null, b: AnyIdentity | null): boolean {
  if (a === null || b === null) return a === b
  return a.size === b.size && a.mtime === b.mtime && a.ctime === b.ctime && a.inode === b.inode && a.header === b.header
}

function logIdentity({ size, mtimeNs, ino }: BigIntStats, header: string): LogIdentity {
  return { size: String(size), mtime: String(mtimeNs), inode: String(ino), header }
}

function fileIdentity({ size, mtimeNs, ctimeNs, ino }: BigIntStats): FileIdentity {
  return { size: String(size), mtime: String(mtimeNs), ctime: String(ctimeNs), inode: String(ino) }
}

function notEmpty(stat: BigIntStats | undefined): BigIntStats | undefined {
  return stat === undefined || stat.size === 0n ? undefined : stat
}

/** The salts of the write-ahead log. SQLite holds no locks on that file, so it may be opened here. */
function walHeader(path: string): string | undefined {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const header = Buffer.alloc(32)
    return header.toString('hex', 0, readSync(fd, header, 0, 32, 0))
  } finally {
    closeSync(fd)
  }
}
