import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { statOf } from './database-file.ts'

export interface PutInPlace {
  /** The new database: complete, beside the place, and opened by nobody. */
  readonly from: string
  /** Where the database is to be. */
  readonly path: string
  /** What the old one is called meanwhile; of that name there is nothing, but what an earlier try of the same left. */
  readonly aside: string
  /** Whether the old one stays, under that name. */
  readonly old: 'keep' | 'remove'
}

/** Files that hold content of a database that is not in its main file yet. */
const contentSuffixes = ['-wal', '-journal'] as const

/**
 * Puts a restored database into its place. Nobody may have the old one open.
 *
 * Order, where the old one is in one file: it gets its second name, then the new one is renamed over it, which is the commit
 * point: before it there is the old one, after it the new one.
 *
 * Order, where a log or journal lies beside the old one: the old one goes aside first, then its log under the name that goes with
 * it, then the new one takes the place, which is the commit point. A crash on the way leaves no database in the place (an
 * application that opens it then begins an empty one, and SQLite discards a log beside a database that is empty or was
 * missing) and the old one whole under its other name, but for the moment between the first two renames. So at no time does a
 * database, old or new, stand beside a log of the other. The same restore again ends it.
 */
export function putInPlace({ from, path, aside, old }: PutInPlace): void {
  syncFile(from)
  const logs = contentSuffixes.filter((suffix) => statOf(`${path}${suffix}`) !== undefined)
  if (logs.length === 0) {
    // Without a log the index of a log is left over from one; SQLite makes it anew.
    rmSync(`${path}-shm`, { force: true })
    if (old === 'keep' && statOf(path) !== undefined && statOf(aside) === undefined) linkSync(path, aside)
    renameSync(from, path)
  } else {
    if (statOf(path) !== undefined) renameSync(path, aside)
    for (const suffix of logs) renameSync(`${path}${suffix}`, `${aside}${suffix}`)
    rmSync(`${path}-shm`, { force: true })
    syncFolder(dirname(path)) // No log may come back once the new database is there.
    renameSync(from, path)
  }
  syncFolder(dirname(path))
  if (old === 'remove') for (const suffix of ['', ...contentSuffixes]) rmSync(`${aside}${suffix}`, { force: true })
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function syncFolder(path: string): void {
  syncFile(path)
}
