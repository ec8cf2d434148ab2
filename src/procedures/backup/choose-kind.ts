import type { Backup, BackupKind } from '../../model/backup.ts'

/**
 * The kind that a backup of a source is to have: the one that was asked for, else incremental; but full where the
 * generation has no full of this source yet, since there is nothing then that an incremental could rely on.
 */
export function chooseKind(
  asked: BackupKind | undefined,
  backups: readonly Pick<Backup, 'kind' | 'generation'>[],
  generation: number,
): BackupKind {
  if (asked === 'pre-operation') return asked
  const hasFull = backups.some((backup) => backup.kind === 'full' && backup.generation === generation)
  return hasFull ? (asked ?? 'incremental') : 'full'
}
