import type { ByteName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import { compareMoments, parseGoTime } from '../../model/go-time.ts'
import type { Snapshot } from '../../model/snapshot.ts'

/** Which snapshots are meant, by restic's rules. Empty lists mean every snapshot. */
export interface SnapshotFilter {
  /** One of these hosts. */
  readonly hosts: readonly string[]
  /** All tags of one of these lists; the tag '' stands for "no tags at all". */
  readonly tags: readonly (readonly string[])[]
  /** All of these absolute paths. */
  readonly paths: readonly ByteName[]
}

export const everySnapshot: SnapshotFilter = { hosts: [], tags: [], paths: [] }

/** A list of tags as it is written on a command line: "a, b". */
export function parseTagList(text: string): string[] {
  return text.split(',').map((tag) => tag.trim())
}

export function matchesFilter(snapshot: Snapshot, filter: SnapshotFilter): boolean {
  const { hosts, tags, paths } = filter
  const own = snapshot.tags ?? []
  return (
    (hosts.length === 0 || hosts.includes(snapshot.hostname ?? '')) &&
    (tags.length === 0 || tags.some((list) => hasTags(own, list))) &&
    paths.every((path) => snapshot.paths.includes(path))
  )
}

function hasTags(own: readonly string[], wanted: readonly string[]): boolean {
  for (const tag of wanted) {
    if (tag === '' && own.length === 0) return true
    if (!own.includes(tag)) return false
  }
  return true
}

/** From the oldest to the newest; snapshots of one moment by their ids. */
export function compareSnapshots(a: Snapshot, b: Snapshot): number {
  return compareMoments(parseGoTime(a.time), parseGoTime(b.time)) || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}

/** The newest snapshot that matches; undefined where none does. */
export function latestSnapshot(snapshots: readonly Snapshot[], filter: SnapshotFilter): Snapshot | undefined {
  const matching = snapshots.filter((snapshot) => matchesFilter(snapshot, filter))
  return matching.reduce<Snapshot | undefined>(
    (latest, snapshot) => (latest === undefined || compareSnapshots(latest, snapshot) < 0 ? snapshot : latest),
    undefined,
  )
}

/**
 * The snapshot that `text` names: "latest" (the newest that matches the filter) or the beginning of an id, and behind
 * a colon a folder in it. Failure `snapshot_missing` or `snapshot_ambiguous`.
 */
export function findSnapshot(
  snapshots: readonly Snapshot[],
  text: string,
  filter: SnapshotFilter = everySnapshot,
): { readonly snapshot: Snapshot; readonly subfolder: ByteName } {
  const colon = text.indexOf(':')
  const name = colon < 0 ? text : text.slice(0, colon)
  const subfolder = colon < 0 ? '/' : text.slice(colon + 1)
  if (name === 'latest') {
    const snapshot = latestSnapshot(snapshots, filter)
    if (snapshot === undefined) throw noneMatches(filter)
    return { snapshot, subfolder }
  }
  const found = name === '' ? [] : snapshots.filter((snapshot) => snapshot.id.startsWith(name.toLowerCase()))
  if (found.length === 0) throw new Failure('snapshot_missing', `Cannot find a snapshot whose id begins with "${name}"`)
  if (found.length > 1) {
    const ids = found.slice(0, 5).map((snapshot) => snapshot.id.slice(0, 16))
    throw new Failure('snapshot_ambiguous', `Cannot choose a snapshot by "${name}": ${found.length} ids begin so`, {
      facts: { hint: `For example ${ids.join(', ')}.` },
    })
  }
  return { snapshot: found[0]!, subfolder }
}

/**
 * The snapshots that the ids name, each once; or, without ids, all that match the filter. From the oldest to the
 * newest. Failure `usage` where there are ids and a filter that none of them uses.
 */
export function selectSnapshots(
  snapshots: readonly Snapshot[],
  ids: readonly string[],
  filter: SnapshotFilter,
): Snapshot[] {
  if (ids.length === 0) {
    return snapshots.filter((snapshot) => matchesFilter(snapshot, filter)).sort(compareSnapshots)
  }
  if (!ids.includes('latest') && filter.hosts.length + filter.tags.length + filter.paths.length > 0) {
    throw new Failure('usage', 'Cannot choose snapshots both by their ids and by host, tag or path')
  }
  const chosen = new Set<Snapshot>()
  for (const id of ids) {
    if (id.includes(':'))
      throw new Failure('usage', `Cannot choose snapshot "${id}": a folder in it is not wanted here`)
    chosen.add(findSnapshot(snapshots, id, filter).snapshot)
  }
  return [...chosen].sort(compareSnapshots)
}

function noneMatches({ hosts, tags, paths }: SnapshotFilter): Failure {
  const words = [
    ...hosts.map((host) => `host "${host}"`),
    ...tags.map((list) => `tags "${list.join(',')}"`),
    ...paths.map((path) => `path "${path}"`),
  ]
  const filter = words.length === 0 ? 'the repository has none' : `none is of ${words.join(', ')}`
  return new Failure('snapshot_missing', `Cannot find the latest snapshot: ${filter}`)
}
