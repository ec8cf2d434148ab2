import { type ByteName, printableName } from '../../base/byte-name.ts'
import { Failure, type FailureCode, isFailure } from '../../base/failure.ts'
import type { Backup } from '../../model/backup.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import type { LocationName } from '../../model/policy/policy.ts'
import { ContentSearch } from '../../operations/list/find-content.ts'
import { DigestSearch } from '../../operations/list/find-digest.ts'
import { findEntries } from '../../operations/list/find-entries.ts'
import { parsePathPattern, type PathPattern } from '../../operations/list/path-pattern.ts'
import type { TreeSource } from '../../operations/list/tree-source.ts'
import { walkTree } from '../../operations/list/walk-tree.ts'
import { TreeReader } from '../../operations/tree-reader.ts'
import type { Installation } from '../installation.ts'
import { chooseBackup } from '../restore/choose-backup.ts'
import { openBackup, type OpenedBackup } from '../restore/open-backup.ts'
import type { ProcedureContext } from '../runs/procedure-context.ts'
import type { FileRestoreOrder } from './file-restore.ts'

/** The backup that holds what is wanted, and where that lies in it. Plain JSON. */
export interface LocatedFiles {
  readonly backup: Id
  /** ISO 8601. */
  readonly takenAt: string
  readonly location: LocationName
  /** Absolute paths; none lies below another. */
  readonly entries: readonly ByteName[]
  /** How many backups were looked into. */
  readonly searched: number
  /** Newer backups that could not be, a sentence each: what is wanted may be in them. Absent where an older program looked. */
  readonly unsearched?: readonly string[]
}

/** More than a person names; whole folders are one entry. */
const entriesMax = 10_000

interface Wanted {
  readonly source: string
  readonly patterns: readonly PathPattern[]
  /** All of which a file's content must pass; none where only names count. */
  readonly contents: readonly Pick<ContentSearch, 'holds'>[]
}

/**
 * Looks through the backups of a source, the newest first, for one that holds something for each of the paths and
 * patterns; only in the one that is named where one is. With
 * a content, of the files that match those that hold it. A backup that is damaged where it is looked into is looked into in its
 * other copy, then passed over, and told, and so are contents that can not be read. A location that does not answer is asked
 * once. Failure `path_missing` with what no backup holds; where none could be searched, that of the newest.
 */
export async function locateFiles(
  { installation, watch }: ProcedureContext,
  order: FileRestoreOrder,
  signal: AbortSignal,
): Promise<LocatedFiles> {
  const { source, paths } = order
  const { catalog, policy } = installation
  const known = (await catalog.backups({ source })).filter(({ environment }) => environment === policy.environment)
  const chosen = chooseBackup(source, known, order.backup) // Refuses where there is none.
  const candidates = order.backup === 'latest' ? known.toReversed() : [chosen]
  const patterns = paths.map((path) => parsePathPattern(path, { ignoreCase: false }))
  const wanted = { source, patterns, contents: contentsOf(order) }
  const missing = new Set(patterns)
  const unsearched: string[] = []
  const away = new Map<LocationName, Failure>()
  let searched = 0
  let failure: Failure | undefined
  for (const backup of candidates) {
    const choice = { backup, location: order.location, wanted, away }
    const found = await searchBackup({ installation, watch }, choice, signal)
    const fault = faultOf(found)
    if (fault !== undefined) {
      const told = `backup ${backup.id.slice(0, 8)} of ${backup.takenAt.toISOString()} could not be searched: ${fault}`
      watch.notice(told)
      unsearched.push(told)
    }
    if (found instanceof Failure) {
      failure ??= found
      continue
    }
    searched += 1
    for (const pattern of found.matched) missing.delete(pattern)
    // Of what is looked for by its content, one path of many is enough.
    const isFound = wanted.contents.length === 0 ? found.matched.size === patterns.length : found.entries.length > 0
    if (!isFound) continue
    const { location, entries } = found
    return { backup: backup.id, takenAt: backup.takenAt.toISOString(), location, entries, searched, unsearched }
  }
  if (searched === 0 && failure !== undefined) throw failure
  const lacking = paths.filter((_, at) => missing.has(patterns[at]!))
  throw notFound({ source, lacking, isByContent: wanted.contents.length > 0, searched, unsearched })
}

function contentsOf({ containing, sha256 }: FileRestoreOrder): Wanted['contents'] {
  return [
    ...(sha256 === undefined ? [] : [new DigestSearch(sha256)]),
    ...(containing === undefined ? [] : [new ContentSearch(Buffer.from(containing))]),
  ]
}

interface Found {
  readonly location: LocationName
  readonly entries: readonly ByteName[]
  readonly matched: ReadonlySet<PathPattern>
  /** Files of which nobody can say whether they hold what is looked for. */
  readonly unread: readonly ByteName[]
}

/** Why a backup could not be searched, or not in whole. */
function faultOf(found: Found | Failure): string | undefined {
  if (found instanceof Failure) return found.message
  const [first] = found.unread
  if (first === undefined) return undefined
  return `the content of ${found.unread.length} files can not be read, such as "${printableName(first)}"`
}

/** What a backup holds of what is wanted, in the first of its copies that can be searched; why none can where none can. */
async function searchBackup(
  { installation, watch }: Pick<ProcedureContext, 'installation' | 'watch'>,
  choice: {
    readonly backup: Backup
    readonly location: LocationName | undefined
    readonly wanted: Wanted
    /** Locations that did not answer before: to wait for each again, backup after backup, would take hours. */
    readonly away: Map<LocationName, Failure>
  },
  signal: AbortSignal,
): Promise<Found | Failure> {
  const { backup, location: only, wanted, away } = choice
  const places = only === undefined ? await copiesOf(installation, backup) : [only]
  let failure: Failure | undefined
  let partly: Found | undefined
  for (const location of places) {
    failure ??= away.get(location)
    if (away.has(location)) continue
    try {
      await using opened = await openBackup(installation, { backup, location }, watch, signal)
      const found = { location, ...(await searchCopy(opened, wanted)) }
      if (found.unread.length === 0) return found
      partly ??= found
    } catch (error) {
      // What is wrong with the order is so in every copy.
      if (signal.aborted || !isFailure(error) || error.code === 'usage') throw error
      if (isAway.has(error.code)) away.set(location, error)
      failure = error
    }
  }
  return partly ?? failure ?? new Failure('snapshot_missing', 'no location holds a copy')
}

/** These are of a place, and not of a backup in it. */
const isAway: ReadonlySet<FailureCode> = new Set<FailureCode>([
  'storage_unreachable',
  'storage_denied',
  'repository_locked',
])

/** These are of a content, and not of the backup that has it. */
const isDamage: ReadonlySet<FailureCode> = new Set<FailureCode>(['repository_damaged', 'object_missing'])

async function copiesOf({ catalog, locations }: Installation, { id }: Backup): Promise<LocationName[]> {
  const copies = new Set((await catalog.copies(id)).map(({ location }) => location))
  return locations.names.filter((name) => copies.has(name))
}

async function searchCopy(
  { repository, snapshot, signal }: OpenedBackup,
  { source, patterns, contents }: Wanted,
): Promise<Omit<Found, 'location'>> {
  const reader = new TreeReader(repository)
  const entries: ByteName[] = []
  const matched = new Set<PathPattern>()
  const unread: ByteName[] = []
  const isHeld = async (path: ByteName, node: Node): Promise<boolean> => {
    try {
      for (const content of contents) if (!(await content.holds(repository, node, signal))) return false
      return true
    } catch (error) {
      if (!isFailure(error) || !isDamage.has(error.code)) throw error
      unread.push(path)
      return false
    }
  }
  const request = { snapshots: [snapshot], patterns }
  const trees = { loadTree: reader.tree.bind(reader) }
  for await (const event of findEntries(trees, request, signal)) {
    if (event.kind === 'damaged') throw event.failure
    const { path, node } = event
    if (!(await isHeld(path, node))) continue
    for (const pattern of patterns) if (pattern.matches(path)) matched.add(pattern)
    // What lies below a directory comes right after it, so that only the last one can hold it.
    const last = entries.at(-1)
    if (last !== undefined && path.startsWith(`${last}/`)) continue
    entries.push(path)
    if (node.subtree !== undefined) await requireWhole(trees, node.subtree, signal)
    if (entries.length > entriesMax) throw tooMany(source)
  }
  return { entries, matched, unread }
}

/** Else a folder that can not be restored would be chosen, where an older backup or another copy has it whole. */
async function requireWhole(trees: TreeSource, subtree: Id, signal: AbortSignal): Promise<void> {
  for await (const event of walkTree(trees, subtree, {}, signal)) if (event.kind === 'damaged') throw event.failure
}

function notFound(search: {
  readonly source: string
  readonly lacking: readonly string[]
  readonly isByContent: boolean
  readonly searched: number
  readonly unsearched: readonly string[]
}): Failure {
  const { source, lacking, isByContent, searched, unsearched } = search
  const what = isByContent
    ? 'no file with this content is in them'
    : lacking.length === 0
      ? 'no single backup holds all of them'
      : `no backup holds "${lacking.join('", "')}"`
  const rest = unsearched.length === 0 ? '' : `, and ${unsearched.length} could not be: ${unsearched[0]!}`
  const hint = 'Restore them one after another, or look with `backups` and `find`'
  return new Failure('path_missing', `Cannot locate files of "${source}": ${what}; ${searched} were searched${rest}`, {
    facts: { hint: unsearched.length === 0 ? hint : 'Run `verify` and `heal`, then look again' },
  })
}

function tooMany(source: string): Failure {
  return new Failure(
    'usage',
    `Cannot restore files of "${source}": more than ${entriesMax} entries match, expected whole folders`,
  )
}
