import { Failure, isFailure } from '../../base/failure.ts'
import type { Backup } from '../../model/backup.ts'
import type { PostgresqlSourcePolicy } from '../../model/policy/policy.ts'
import type { PostgresqlBackup } from '../../model/postgresql-backup.ts'
import { ParentFiles } from '../../operations/back-up-postgresql/parent-files.ts'
import { readPostgresqlBackup } from '../../operations/back-up-postgresql/postgresql-parent.ts'
import type { RecoverySnapshot } from '../../operations/recover/plan-recovery.ts'
import { recoverySnapshotOf } from '../../operations/recover/recovery-snapshot.ts'
import type { Installation, Watch } from '../installation.ts'
import { openBackup } from '../restore/open-backup.ts'

/** A physical snapshot on record, with what it says of itself. */
export interface PhysicalBackup {
  readonly backup: Backup
  readonly facts: PostgresqlBackup
  /** The same for a recovery. */
  readonly snapshot: RecoverySnapshot
}

export interface PhysicalBackups {
  /** Oldest first. */
  readonly found: readonly PhysicalBackup[]
  /** Backups that could not be looked at, with why; they may be physical too. */
  readonly unread: readonly { readonly backup: Backup; readonly detail: string }[]
}

/** The source of this name. Failure `usage` where the policy has none, or none of PostgreSQL. */
export function requirePostgresql({ policy }: Pick<Installation, 'policy'>, source: string): PostgresqlSourcePolicy {
  const found = Object.hasOwn(policy.sources, source) ? policy.sources[source] : undefined
  if (found?.kind === 'postgresql') return found
  const known = Object.entries(policy.sources).flatMap(([name, { kind }]) => (kind === 'postgresql' ? [name] : []))
  const state = found === undefined ? 'the policy has no source of this name' : `it is of ${found.kind}`
  throw new Failure('usage', `Cannot use "${source}" as a PostgreSQL source: ${state}`, {
    facts: { hint: known.length === 0 ? 'The policy has no PostgreSQL source' : `There is ${known.join(', ')}` },
  })
}

/**
 * Reads what the physical snapshots of a source say of themselves, each from the first location where it opens. Dumps are left
 * out. A generation's repository is opened once for all of its backups.
 */
export async function physicalBackups(
  installation: Installation,
  source: string,
  watch: Pick<Watch, 'notice'>,
  signal: AbortSignal,
): Promise<PhysicalBackups> {
  const { catalog, policy } = installation
  const backups = (await catalog.backups({ source })).filter(
    ({ environment, sourceKind }) => environment === policy.environment && sourceKind === 'postgresql',
  )
  const found: PhysicalBackup[] = []
  const unread: PhysicalBackups['unread'][number][] = []
  for (const ofGeneration of Map.groupBy(backups, ({ generation }) => generation).values()) {
    try {
      await using opened = await openBackup(
        installation,
        { backup: ofGeneration.at(-1)!, location: undefined },
        watch,
        signal,
      )
      for (const backup of ofGeneration) {
        const facts = await readPostgresqlBackup(new ParentFiles(opened.repository, backup.tree, opened.signal))
        if (facts !== undefined)
          found.push({ backup, facts, snapshot: recoverySnapshotOf(facts, { id: backup.id, endedAt: backup.endedAt }) })
        else watch.notice(`backup ${backup.id.slice(0, 8)} is no physical snapshot, or can not be read`)
      }
    } catch (error) {
      if (signal.aborted || !isFailure(error)) throw error
      unread.push(...ofGeneration.map((backup) => ({ backup, detail: error.message })))
    }
  }
  return { found: found.toSorted((a, b) => a.backup.takenAt.getTime() - b.backup.takenAt.getTime()), unread }
}
