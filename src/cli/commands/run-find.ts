import { printableName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import { formatGoDate, parseGoTime } from '../../model/go-time.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { findEntries, type FindGap, type FindRequest } from '../../operations/list/find-entries.ts'
import { findMatchJson, findObjectJson, findSnapshotJson } from '../../operations/list/find-json.ts'
import { findObjects } from '../../operations/list/find-objects.ts'
import { parsePathPattern } from '../../operations/list/path-pattern.ts'
import { selectSnapshots } from '../../operations/list/select-snapshots.ts'
import type { Repository } from '../../repository/repository.ts'
import { readSnapshots } from '../access/read-snapshots.ts'
import { withRepository } from '../access/with-repository.ts'
import type { CommandContext } from '../command-entry.ts'
import { type FilterOptions, snapshotFilter } from '../options/snapshot-filter.ts'
import { describeSnapshot } from '../output/describe-snapshot.ts'
import { nodeLine } from '../output/node-line.ts'
import type { Output } from '../output/output.ts'
import type { Outcome } from '../outcome.ts'

export interface FindOptions extends FilterOptions {
  readonly snapshot?: readonly string[] | undefined
  readonly oldest?: Date | undefined
  readonly newest?: Date | undefined
  readonly ignoreCase?: true | undefined
  readonly reverse?: true | undefined
  readonly long?: true | undefined
  readonly humanReadable?: true | undefined
  readonly blob?: true | undefined
  readonly tree?: true | undefined
}

/** What is searched: a repository, its chosen snapshots in the order of the search, and where findings go. */
interface Search {
  readonly repository: Repository
  readonly snapshots: readonly Snapshot[]
  readonly output: Output
  readonly options: FindOptions
}

export async function runFind(
  context: CommandContext,
  patterns: readonly string[],
  options: FindOptions,
): Promise<Outcome> {
  const { output, world } = context
  if (options.blob === true && options.tree === true) {
    throw new Failure('usage', 'Cannot find by ids of blobs and of trees at the same time')
  }
  return await withRepository(context, { lock: 'shared', use: 'read' }, async (repository, signal) => {
    const read = await readSnapshots(repository, { index: 'load', output }, signal)
    const chosen = selectSnapshots(read.snapshots, options.snapshot ?? [], snapshotFilter(options, world))
    const snapshots = options.reverse === true ? chosen : chosen.toReversed()
    const search = { repository, snapshots, output, options }
    const isWhole =
      options.blob === true || options.tree === true
        ? await findIds(search, patterns, signal)
        : await findNames(search, patterns, signal)
    return isWhole ? read.outcome : 'damaged'
  })
}

/** Answers false where a part of the snapshots could not be read. */
async function findNames(search: Search, texts: readonly string[], signal: AbortSignal): Promise<boolean> {
  const { repository, snapshots, output, options } = search
  const { ignoreCase = false, long = false, humanReadable = false, oldest, newest } = options
  const request: FindRequest = {
    snapshots,
    patterns: texts.map((text) => parsePathPattern(text, { ignoreCase })),
    ...(oldest !== undefined && { oldest: parseGoTime(formatGoDate(oldest)) }),
    ...(newest !== undefined && { newest: parseGoTime(formatGoDate(newest)) }),
  }
  let isWhole = true
  let last: Snapshot | undefined
  const found = new Map<string, string[]>()
  for await (const event of findEntries(repository, request, signal)) {
    if (event.kind === 'damaged') {
      isWhole = false
      tellGap(output, event)
    } else if (output.json) {
      const { id } = event.snapshot
      found.set(id, [...(found.get(id) ?? []), findMatchJson(event.path, event.node)])
    } else {
      if (event.snapshot !== last)
        output.line(`${last === undefined ? '' : '\n'}In ${describeSnapshot(event.snapshot)}:`)
      last = event.snapshot
      output.line(nodeLine(event.path, event.node, { long, humanReadable }))
      await output.room()
    }
  }
  if (output.json) output.line(`[${[...found].map(([id, matches]) => findSnapshotJson(id, matches)).join(',')}]`)
  return isWhole
}

async function findIds(search: Search, ids: readonly string[], signal: AbortSignal): Promise<boolean> {
  const { repository, snapshots, output, options } = search
  const request = { snapshots, dataBlobs: options.blob === true ? ids : [], trees: options.tree === true ? ids : [] }
  let isWhole = true
  const found: string[] = []
  for await (const event of findObjects(repository, request, signal)) {
    if (event.kind === 'damaged') {
      isWhole = false
      tellGap(output, event)
    } else if (output.json) found.push(findObjectJson(event))
    else {
      output.line(`${event.type === 'data' ? 'blob' : 'tree'} ${event.id}`)
      output.line(`  in ${printableName(event.path)}`)
      output.line(`  of ${describeSnapshot(event.snapshot)}`)
      await output.room()
    }
  }
  if (output.json) output.line(`[${found.join(',')}]`)
  return isWhole
}

function tellGap(output: Output, { path, snapshot, failure }: FindGap): void {
  output.problem({
    during: 'find',
    item: `${snapshot.id.slice(0, 8)}:${printableName(path)}`,
    message: failure.message,
  })
}
