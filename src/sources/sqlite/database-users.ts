import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { sidecarSuffixes, statOf } from './database-file.ts'

/** A process that has a database open, or holds a lock on it. */
export interface DatabaseUser {
  readonly processId: number
  /** Its name, where it is to be known. */
  readonly name: string | undefined
}

/**
 * The processes of this machine that have a database or a file that belongs to it open, by their open files, and, since those
 * of other users are only for root to see, by the locks that the kernel lists. One in another container may not be seen.
 */
export function databaseUsers(path: string): DatabaseUser[] {
  const files = new Map<string, bigint>()
  for (const suffix of ['', ...sidecarSuffixes]) {
    const stat = statOf(`${path}${suffix}`)
    if (stat !== undefined) files.set(`${stat.dev}:${stat.ino}`, stat.ino)
  }
  if (files.size === 0) return []
  const processIds = new Set([...openers(files), ...lockers(new Set(files.values()))])
  return [...processIds].sort((a, b) => a - b).map((processId) => ({ processId, name: nameOf(processId) }))
}

function* openers(files: ReadonlyMap<string, bigint>): Generator<number> {
  for (const entry of readdirSync('/proc')) {
    if (/^\d+$/.test(entry) && hasOpen(entry, files)) yield Number(entry)
  }
}

function hasOpen(processId: string, files: ReadonlyMap<string, bigint>): boolean {
  let descriptors: string[]
  try {
    descriptors = readdirSync(`/proc/${processId}/fd`)
  } catch {
    return false // It ended, or belongs to another user.
  }
  return descriptors.some((descriptor) => {
    const link = `/proc/${processId}/fd/${descriptor}`
    try {
      if (!readlinkSync(link).startsWith('/')) return false // A pipe or a socket.
      const { dev, ino } = statSync(link, { bigint: true })
      return files.has(`${dev}:${ino}`)
    } catch {
      return false // It was closed meanwhile.
    }
  })
}

/** By /proc/locks: "1: POSIX  ADVISORY  READ 1234 08:01:5678 0 EOF". The device there is that of the file system's own. */
function* lockers(inodes: ReadonlySet<bigint>): Generator<number> {
  let text: string
  try {
    text = readFileSync('/proc/locks', 'utf8')
  } catch {
    return // Not every kernel tells.
  }
  for (const line of text.split('\n')) {
    const match = /\s(\d+) [0-9a-f]+:[0-9a-f]+:(\d+)\s/.exec(line)
    if (match !== null && inodes.has(BigInt(match[2]!)) && Number(match[1]) > 0) yield Number(match[1])
  }
}

function nameOf(processId: number): string | undefined {
  try {
    return readFileSync(`/proc/${processId}/comm`, 'utf8').trim()
  } catch {
    return undefined
  }
}
