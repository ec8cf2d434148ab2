import { Failure } from '../base/failure.ts'
import { liesWithin, realPlace } from './real-place.ts'
import type { NamedPath } from './require-apart.ts'

/**
 * Failure `refused` where a copy that is to get a key of its own is a location of the policy, lies in one or holds one: the
 * master key never lies beside the backups. By real paths; all are folders of this machine.
 */
export async function requireCopyApart(copy: string, locations: readonly NamedPath[]): Promise<void> {
  const place = await realPlace(copy)
  for (const location of locations) {
    const other = await realPlace(location.path)
    if (!liesWithin(place, other) && !liesWithin(other, place)) continue
    throw new Failure('refused', `Cannot put a key into "${copy}": it is no copy, but belongs to ${location.name}`, {
      facts: { hint: `Copy the repository to a folder apart from "${location.path}" first, and name the copy` },
    })
  }
}
