import { formatMinute } from '../age.ts'
import type { Backup } from '../backup.ts'

/** A backup in a sentence: "full 1a2b3c4d of 2026-03-01 02:00". */
export function mention({ id, kind, takenAt }: Pick<Backup, 'id' | 'kind' | 'takenAt'>): string {
  return `${kind} ${id.slice(0, 8)} of ${formatMinute(takenAt)}`
}

/** "1 backup", "2 backups" */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
