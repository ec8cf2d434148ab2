import { Failure } from '../../base/failure.ts'
import type { Backup } from '../../model/backup.ts'

/**
 * The backup that is meant: the newest complete one for `latest` (the newest of all where none is complete), else the
 * one whose id begins so. `backups`: of one source, oldest first. Failures `snapshot_missing`, `snapshot_ambiguous`.
 */
export function chooseBackup(source: string, backups: readonly Backup[], wanted: string): Backup {
  if (backups.length === 0) {
    throw new Failure('snapshot_missing', `Cannot restore "${source}": the catalog knows no backup of it`, {
      facts: { hint: '`backups` lists what there is; after a loss of the catalog `catalog rebuild` reads it anew' },
    })
  }
  if (wanted === 'latest') return backups.findLast(({ gaps }) => gaps === 0) ?? backups.at(-1)!
  const found = backups.filter(({ id }) => id.startsWith(wanted))
  const [backup, ...others] = found
  if (backup === undefined) {
    throw new Failure('snapshot_missing', `Cannot restore "${source}": no backup of it begins with "${wanted}"`, {
      facts: { hint: `\`backups ${source}\` lists them` },
    })
  }
  if (others.length === 0) return backup
  throw new Failure('snapshot_ambiguous', `Cannot restore "${source}": ${found.length} backups begin with "${wanted}"`)
}
