import { type ByteName, compareNames } from '../../base/byte-name.ts'
import { type CString, cString } from '../../posix/c-string.ts'
import { forEachEntry } from '../../posix/directory-entries.ts'
import { lastError } from '../../posix/libc.ts'
import { close, openAt, openFlags, workingDirectory } from '../../posix/open.ts'
import { readAt } from '../../posix/read.ts'
import { type FileStat, statAtAddress, statOpen } from '../../posix/stat.ts'
import { isSystemError } from '../../posix/system-error.ts'
import type { DirectoryRules, ExcludeRules, ExcludeTag } from './exclude-rules.ts'
import { type Gap, gapOfError } from './gap.ts'

/** One entry of a directory, as it was when the directory was read. */
export interface ScannedEntry {
  readonly name: ByteName
  readonly stat: FileStat
}

export interface ScannedDirectory {
  /** In the order of the names' bytes. Never sockets or irregular ones: these are gaps. */
  readonly entries: readonly ScannedEntry[]
  readonly gaps: readonly Gap[]
  /** How many entries were left out by rules. */
  readonly excluded: number
}

export interface ScanOptions {
  /** None leaves nothing out. */
  readonly rules?: ExcludeRules
  /** st_dev of the file system to stay on; mount points are listed then, but what lies in them is not. */
  readonly device?: number
}

export interface OpenDirectoryOptions {
  readonly parentFd?: number
  readonly symlink?: 'follow' | 'refuse'
  /** To `search`, to reach entries by their names, needs no right to read the directory. */
  readonly purpose?: 'list' | 'search'
}

/**
 * Opens a directory for scanning, by a path or by a name in an open directory. The last part of it is not followed
 * where it is a symlink, unless that is asked for: paths that a user names may be symlinks. The caller closes the
 * descriptor. Throws SystemError; ELOOP or ENOTDIR where it is no directory.
 */
export function openDirectory(path: ByteName | CString, options: OpenDirectoryOptions = {}): number {
  const flags = openFlags.read | openFlags.directory | (options.symlink === 'follow' ? 0 : openFlags.noFollow)
  const place = options.parentFd ?? workingDirectory
  const text = typeof path === 'string' ? cString(path) : path
  if (options.purpose === 'search') return openAt(place, text, flags | openFlags.pathOnly)
  try {
    return openAt(place, text, flags | openFlags.noAccessTime)
  } catch (error) {
    if (!isSystemError(error, 'EPERM')) throw error
    return openAt(place, text, flags)
  }
}

/**
 * Lists an open directory and asks for the state of each entry. `path` is the directory's own, for rules and gaps. An
 * entry that can not be asked for is a gap. Throws SystemError where the directory itself can not be read.
 */
export function scanDirectory(fd: number, path: ByteName, options: ScanOptions = {}): ScannedDirectory {
  const { rules, device } = options
  const patterns = rules?.forDirectory(path)
  const largerThanBytes = rules?.largerThanBytes ?? Number.POSITIVE_INFINITY
  const isOnDevice = device === undefined || statOpen(fd).deviceId === device
  const entries: ScannedEntry[] = []
  const gaps: Gap[] = []
  let excluded = 0
  forEachEntry(fd, (name, type, nameAddress) => {
    if (type !== undefined && patterns !== undefined && isExcluded(patterns, name, type)) {
      excluded++
      return
    }
    const stat = statAtAddress(fd, nameAddress)
    if (stat === undefined) {
      gaps.push(gapOfError(joinPath(path, name), lastError('statx')))
      return
    }
    if (type === undefined && patterns !== undefined && isExcluded(patterns, name, stat.type)) excluded++
    else if (stat.type !== 'dir' && stat.size > largerThanBytes) excluded++
    else if (device !== undefined && stat.deviceId !== device && !(isOnDevice && stat.type === 'dir')) excluded++
    else if (stat.type === 'socket' || stat.type === 'irregular') gaps.push(gapOfType(joinPath(path, name), stat)!)
    else entries.push({ name, stat })
  })
  const kept = rules === undefined || rules.tags.length === 0 ? entries : withoutTagged(fd, entries, rules.tags)
  return { entries: withoutRepetitions(sortByName(kept)), gaps, excluded: excluded + entries.length - kept.length }
}

/** The gap that an entry is whose type no backup holds. */
export function gapOfType(path: ByteName, stat: Pick<FileStat, 'type' | 'mode'>): Gap | undefined {
  if (stat.type === 'socket') return { path, reason: 'socket', detail: 'a socket' }
  if (stat.type === 'irregular') return { path, reason: 'irregular', detail: `st_mode is 0o${stat.mode.toString(8)}` }
  return undefined
}

/** The path of an entry. */
export function joinPath(directory: ByteName, name: ByteName): ByteName {
  return directory.endsWith('/') ? directory + name : `${directory}/${name}`
}

function isExcluded(patterns: DirectoryRules, name: ByteName, type: FileStat['type']): boolean {
  return patterns.excludes(name, { isDirectory: type === 'dir' })
}

/** What is left where the directory holds tags: for each tag that holds, the tag itself only. */
function withoutTagged(fd: number, entries: ScannedEntry[], tags: readonly ExcludeTag[]): ScannedEntry[] {
  let kept = entries
  for (const tag of tags) {
    const file = entries.find((entry) => entry.name === tag.name)
    if (file !== undefined && beginsWith(fd, tag)) kept = kept.filter((entry) => entry.name === tag.name)
  }
  return kept
}

/** A tag that can not be read is taken not to hold: then more is backed up, not less. */
function beginsWith(directoryFd: number, tag: ExcludeTag): boolean {
  if (tag.beginning === '') return true
  const wanted = Buffer.from(tag.beginning)
  let fd: number
  try {
    fd = openAt(directoryFd, cString(tag.name), openFlags.read | openFlags.nonBlocking | openFlags.noFollow)
  } catch {
    return false
  }
  try {
    const found = Buffer.alloc(wanted.length)
    return readAt(fd, found, 0) === wanted.length && found.equals(wanted)
  } catch {
    return false
  } finally {
    close(fd)
  }
}

/** Sorts in place. Comparing strings is right for ASCII, and for all names without a surrogate. */
function sortByName(entries: ScannedEntry[]): ScannedEntry[] {
  const isPlain = entries.every((entry) => !hasSurrogate(entry.name))
  return entries.sort(
    isPlain ? (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0) : (a, b) => compareNames(a.name, b.name),
  )
}

/** Some network file systems list a name twice while the directory changes; a tree must hold it once. */
function withoutRepetitions(sorted: ScannedEntry[]): ScannedEntry[] {
  const isRepeated = (entry: ScannedEntry, at: number): boolean => at > 0 && sorted[at - 1]!.name === entry.name
  return sorted.some(isRepeated) ? sorted.filter((entry, at) => !isRepeated(entry, at)) : sorted
}

function hasSurrogate(name: ByteName): boolean {
  for (let at = 0; at < name.length; at++) if ((name.charCodeAt(at) & 0xf800) === 0xd800) return true
  return false
}
