import { compareMoments, type Moment, parseGoTime } from '../../model/go-time.ts'

/** What to do with a file that is there already. */
export const overwriteRules = ['always', 'if-changed', 'if-newer', 'never'] as const
/**
 * `always` compares the content with the snapshot's and writes what differs; `if-changed` takes the content of a file
 * of the same size and mtime to be right; `if-newer` writes only over what is older; `never` leaves alone all that is
 * there. What is right gets its metadata, too, unless it is to be left alone. A restore that was stopped is completed
 * by the first two; files that it wrote in part look newer, and are left alone by the others.
 */
export type OverwriteRule = (typeof overwriteRules)[number]

/** Whether something that was last changed at `present` is left alone, where the snapshot's was at `mtime`. */
export function isLeftAlone(rule: OverwriteRule, present: Moment, mtime: string | undefined): boolean {
  if (rule === 'never') return true
  return rule === 'if-newer' && mtime !== undefined && compareMoments(present, parseGoTime(mtime)) >= 0
}
