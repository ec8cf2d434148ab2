import type { ByteName } from '../../base/byte-name.ts'
import type { Snapshot } from '../../model/snapshot.ts'

/**
 * The snapshot that a new one of this host and these paths goes on from: restic's rule, the latest one of the same
 * host and the same set of paths that is not later than the new one.
 */
export function findParent(
  snapshots: Iterable<Snapshot>,
  wanted: { readonly hostname: string; readonly paths: readonly ByteName[]; readonly before: Date },
): Snapshot | undefined {
  const paths = JSON.stringify([...wanted.paths].sort())
  let latest: Snapshot | undefined
  for (const snapshot of snapshots) {
    if (snapshot.hostname !== wanted.hostname || JSON.stringify([...snapshot.paths].sort()) !== paths) continue
    const time = Date.parse(snapshot.time)
    if (time > wanted.before.getTime()) continue
    if (latest === undefined || time > Date.parse(latest.time)) latest = snapshot
  }
  return latest
}
