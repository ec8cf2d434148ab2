import { isFailure } from '../base/failure.ts'
import type { Backup, BackupCopy } from './backup.ts'
import { backupOfSnapshot } from './backup-tags.ts'
import type { Id } from './id.ts'
import type { Environment, LocationName } from './policy/policy.ts'
import type { Snapshot } from './snapshot.ts'

/** The snapshots of one repository: of a generation at a location. */
export interface RepositoryListing {
  readonly location: LocationName
  readonly generation: number
  readonly snapshots: readonly Snapshot[]
}

/** What a catalog holds about an environment's backups when all that is known is what lies in its repositories. */
export interface RebuildPlan {
  /** Oldest first, each once. */
  readonly backups: readonly Backup[]
  readonly copies: readonly BackupCopy[]
  /** Snapshots that others made; they are left alone. */
  readonly foreign: number
  /** Snapshots that say they are backups and can not be read as such: not in the catalog, never removed. */
  readonly faults: readonly RebuildFault[]
}

export interface RebuildFault {
  readonly location: LocationName
  readonly generation: number
  readonly snapshot: Id
  readonly message: string
}

/** When a copy was stored is not on record in a repository: the end of the backup stands for it. */
export function planRebuild(environment: Environment, listings: readonly RepositoryListing[]): RebuildPlan {
  const backups = new Map<Id, Backup>()
  const copies = new Map<string, BackupCopy>()
  const faults: RebuildFault[] = []
  const foreign = new Set<Id>()
  for (const { location, generation, snapshots } of listings) {
    for (const snapshot of snapshots) {
      const backup = readBackup(snapshot, generation, environment, backups.get(snapshot.id))
      if (backup === undefined) foreign.add(snapshot.id)
      else if (typeof backup === 'string') {
        faults.push({ location, generation, snapshot: snapshot.id, message: backup })
      } else {
        backups.set(backup.id, backup)
        copies.set(`${backup.id} ${location}`, { backup: backup.id, location, storedAt: backup.endedAt })
      }
    }
  }
  const oldestFirst = [...backups.values()].sort(
    (a, b) => a.takenAt.getTime() - b.takenAt.getTime() || (a.id < b.id ? -1 : 1),
  )
  return { backups: oldestFirst, copies: [...copies.values()], foreign: foreign.size, faults }
}

/** The backup, undefined for a foreign snapshot, or why it is none. */
function readBackup(
  snapshot: Snapshot,
  generation: number,
  environment: Environment,
  known: Backup | undefined,
): Backup | string | undefined {
  const what = `Cannot take snapshot "${snapshot.id}" for a backup`
  try {
    const backup = backupOfSnapshot(snapshot, generation)
    if (backup === undefined) return undefined
    if (backup.environment !== environment) {
      return `${what}: it is of the environment ${backup.environment}, expected ${environment}`
    }
    if (known !== undefined && known.generation !== generation) {
      return `${what}: it is in generation ${known.generation} and in generation ${generation}`
    }
    return backup
  } catch (error) {
    if (isFailure(error, 'repository_damaged')) return error.message
    throw error
  }
}
