import { compareNames, type ByteName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import type { Snapshot } from '../../model/snapshot.ts'

/** What must be equal for two snapshots to be of one group. */
export interface GroupBy {
  readonly host: boolean
  readonly paths: boolean
  readonly tags: boolean
}

/** restic's default for forget. */
export const groupByHostAndPaths: GroupBy = { host: true, paths: true, tags: false }

/** What the snapshots of a group share; what was not asked for is empty. Paths and tags are sorted. */
export interface GroupKey {
  readonly hostname: string
  readonly paths: readonly ByteName[]
  readonly tags: readonly string[]
}

export interface SnapshotGroup {
  readonly key: GroupKey
  readonly snapshots: readonly Snapshot[]
}

/** Reads "host,paths,tags" or a part of it; '' makes one group of all. Failure `usage` for anything else. */
export function parseGroupBy(text: string): GroupBy {
  const words = text.split(',').filter((word) => word !== '')
  const unknown = words.find((word) => !/^(hosts?|paths?|tags?)$/.test(word))
  if (unknown !== undefined)
    throw new Failure('usage', `Cannot group snapshots by "${unknown}": expected host, paths or tags`)
  const has = (pattern: RegExp): boolean => words.some((word) => pattern.test(word))
  return { host: has(/^hosts?$/), paths: has(/^paths?$/), tags: has(/^tags?$/) }
}

/** The groups, in the order of their first snapshots. */
export function groupSnapshots(snapshots: readonly Snapshot[], groupBy: GroupBy): SnapshotGroup[] {
  const groups = new Map<string, { key: GroupKey; snapshots: Snapshot[] }>()
  for (const snapshot of snapshots) {
    const key: GroupKey = {
      hostname: groupBy.host ? (snapshot.hostname ?? '') : '',
      paths: groupBy.paths ? snapshot.paths.toSorted(compareNames) : [],
      tags: groupBy.tags ? (snapshot.tags ?? []).toSorted(compareNames) : [],
    }
    const text = JSON.stringify(key)
    const group = groups.get(text)
    if (group === undefined) groups.set(text, { key, snapshots: [snapshot] })
    else group.snapshots.push(snapshot)
  }
  return [...groups.values()]
}

/** The group for a person, e.g. `host "a", paths "/b", "/c"`. */
export function describeGroup(key: GroupKey): string {
  const parts = [
    ...(key.hostname === '' ? [] : [`host ${quoted([key.hostname])}`]),
    ...(key.paths.length === 0 ? [] : [`paths ${quoted(key.paths)}`]),
    ...(key.tags.length === 0 ? [] : [`tags ${quoted(key.tags)}`]),
  ]
  return parts.length === 0 ? 'all snapshots' : parts.join(', ')
}

function quoted(texts: readonly string[]): string {
  return texts.map((text) => JSON.stringify(text)).join(', ')
}
