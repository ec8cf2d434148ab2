import type { ByteName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import type { Backup } from '../../model/backup.ts'
import type { Id } from '../../model/id.ts'
import type { LocationName } from '../../model/policy/policy.ts'
import { ContentSearch } from '../../operations/list/find-content.ts'
import { findEntries } from '../../operations/list/find-entries.ts'
import { parsePathPattern, type PathPattern } from '../../operations/list/path-pattern.ts'
import { TreeReader } from '../../operations/tree-reader.ts'
import { chooseBackup } from '../restore/choose-backup.ts'
import { openBackup } from '../restore/open-backup.ts'
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
}

/** More than a person names; whole folders are one entry. */
const entriesMax = 10_000

/**
 * Looks through the backups of a source, the newest first, for one that holds something for each of the paths and
 * patterns; only in the one that is named where one is. With
 * a content, of the files that match those that hold it. Failure `path_missing` with what no backup holds.
 */
export async function locateFiles(
  { installation, watch }: ProcedureContext,
  order: FileRestoreOrder,
  signal: AbortSignal,
): Promise<LocatedFiles> {
  const { source, paths, location } = order
  const { catalog, policy } = installation
  const known = (await catalog.backups({ source })).filter(({ environment }) => environment === policy.environment)
  const wanted = chooseBackup(source, known, order.backup) // Refuses where there is none.
  const candidates = order.backup === 'latest' ? known.toReversed() : [wanted]
  const patterns = paths.map((path) => parsePathPattern(path, { ignoreCase: false }))
  const search = order.containing === undefined ? undefined : new ContentSearch(Buffer.from(order.containing))
  let searched = 0
  const missing = new Set(paths)
  for (const backup of candidates) {
    await using opened = await openBackup(installation, { backup, location }, watch, signal)
    searched += 1
    const reader = new TreeReader(opened.repository)
    const found: ByteName[] = []
    const matched = new Set<PathPattern>()
    const request = { snapshots: [opened.snapshot], patterns }
    for await (const event of findEntries({ loadTree: reader.tree.bind(reader) }, request, opened.signal)) {
      if (event.kind === 'damaged') throw event.failure
      if (search !== undefined && !(await search.holds(opened.repository, event.node, opened.signal))) continue
      for (const pattern of patterns.filter((one) => one.matches(event.path))) matched.add(pattern)
      if (!found.some((path) => event.path.startsWith(`${path}/`))) found.push(event.path)
      if (found.length > entriesMax) throw tooMany(source)
    }
    for (const [at, path] of paths.entries()) if (matched.has(patterns[at]!)) missing.delete(path)
    // Of what is looked for by its content, one path of many is enough.
    const isFound = search === undefined ? matched.size === patterns.length : found.length > 0
    if (isFound) return located(backup, opened.location, found, searched)
  }
  const what =
    search !== undefined
      ? `no file with this content is in them`
      : missing.size === 0
        ? 'no single backup holds all of them'
        : `no backup holds "${[...missing].join('", "')}"`
  throw new Failure('path_missing', `Cannot locate files of "${source}": ${what}; ${searched} were searched`, {
    facts: { hint: 'Restore them one after another, or look with `backups` and `find`' },
  })
}

function located(backup: Backup, location: LocationName, entries: readonly ByteName[], searched: number): LocatedFiles {
  return { backup: backup.id, takenAt: backup.takenAt.toISOString(), location, entries, searched }
}

function tooMany(source: string): Failure {
  return new Failure(
    'usage',
    `Cannot restore files of "${source}": more than ${entriesMax} entries match, expected whole folders`,
  )
}
