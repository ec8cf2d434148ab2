import type { Backup } from '../backup.ts'
import type { Id } from '../id.ts'
import type { LocationName } from '../policy/policy.ts'
import type { Proof } from '../run.ts'
import type { WalStand } from '../wal-stand.ts'

/** Up to when a source can be recovered from one location. */
export interface RecoveryPoint {
  readonly location: LocationName
  /** Undefined where nothing can be recovered from there. */
  readonly at: Date | undefined
  /** The backup that is restored for it, or that the log is replayed on. */
  readonly backup: Backup | undefined
  /** `log`: the stored WAL goes on from the backup up to then. */
  readonly by: 'backup' | 'log'
  /** When the newest backup was taken that a restore from there was found equal to; undefined where none was. */
  readonly provenAt: Date | undefined
  /**
   * What lacks of the log behind the newest backup, which no time after `from` can be recovered for until a new snapshot
   * is taken; undefined where it is whole, or is not stored there.
   */
  readonly gap: { readonly from: Date; readonly until: Date } | undefined
}

export interface PointFacts {
  readonly source: string
  /** Its complete backups that are not from the future, newest first. */
  readonly complete: readonly Backup[]
  readonly copiesOf: ReadonlyMap<Id, ReadonlySet<LocationName>>
  readonly walStands: readonly WalStand[]
  readonly proofs: readonly Proof[]
  readonly now: Date
}

export function recoveryPoint(location: LocationName, facts: PointFacts): RecoveryPoint {
  const { source, complete, copiesOf, walStands, now } = facts
  const there = complete.filter(({ id }) => copiesOf.get(id)?.has(location) === true)
  const provenAt = newestProven(there, location, facts)?.takenAt
  const [newest] = there
  const stand = walStands.find((one) => one.source === source && one.location === location)
  // A backup is replayed from within the stretch: what came before it began may lack.
  const base = stand && there.find(({ takenAt, endedAt }) => endedAt >= stand.since && takenAt <= stand.until)
  if (stand !== undefined && base !== undefined && newest !== undefined && stand.until > newest.takenAt) {
    const at = stand.until < now ? stand.until : now
    return { location, at, backup: base, by: 'log', provenAt, gap: undefined }
  }
  const isBehindGap = stand?.gapFrom !== undefined && base === undefined && newest !== undefined
  const gap = isBehindGap && newest.endedAt < stand.since ? { from: stand.gapFrom, until: stand.since } : undefined
  return { location, at: newest?.takenAt, backup: newest, by: 'backup', provenAt, gap }
}

/** By what was found last of each. */
function newestProven(
  there: readonly Backup[],
  location: LocationName,
  { proofs, source, now }: PointFacts,
): Backup | undefined {
  const last = new Map<Id, Proof>()
  for (const proof of proofs) {
    if (proof.source !== source || proof.location !== location || proof.at > now) continue
    const known = last.get(proof.backup)
    if (known === undefined || known.at <= proof.at) last.set(proof.backup, proof)
  }
  return there.find(({ id }) => last.get(id)?.outcome === 'equal')
}
