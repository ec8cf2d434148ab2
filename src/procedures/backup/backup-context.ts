import type { BackupContext } from '../../operations/back-up/backup-request.ts'
import type { Installation, Watch } from '../installation.ts'

/** What the backups of an installation have in common. */
export function backupContext(
  { clock, programVersion, threads }: Installation,
  { progress }: Pick<Watch, 'progress'>,
): BackupContext {
  return { clock, progress, programVersion, threads }
}
