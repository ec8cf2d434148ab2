import type { ByteName } from '../../base/byte-name.ts'
import { compareMoments, type Moment, parseGoTime } from '../../model/go-time.ts'
import type { Snapshot } from '../../model/snapshot.ts'

/**
 * The snapshot that a new one of this host and these paths goes on from: restic's rule, the latest one of the same
 * host that has all of the paths and is not later than the new one.
 */
export function findParent(
  snapshots: Iterable<Snapshot>,
  wanted: { readonly hostname: string; readonly paths: readonly ByteName[]; readonly before: Date },
): Snapshot | undefined {
  // A snapshot holds its paths as JSON, where each byte that is not UTF-8 is U+FFFD.
  const paths = wanted.paths.map((path) => path.toWellFormed())
  const before = parseGoTime(wanted.before.toISOString())
  let latest: { readonly snapshot: Snapshot; readonly time: Moment } | undefined
  for (const snapshot of snapshots) {
    if (snapshot.hostname !== wanted.hostname) continue
    const known = new Set(snapshot.paths)
    if (!paths.every((path) => known.has(path))) continue
    const time = parseGoTime(snapshot.time)
    if (compareMoments(time, before) > 0) continue
    if (latest === undefined || compareMoments(time, latest.time) >= 0) latest = { snapshot, time }
  }
  return latest?.snapshot
}
