import ignore, { type Ignore } from 'ignore'
import type { ByteName } from '../../base/byte-name.ts'

/** Which entries of a snapshot are restored, by patterns in gitignore syntax on their paths in the snapshot. */
export interface RestoreSelection {
  /** Only what matches one of these, and what lies below it; everything where there are none. */
  readonly include: readonly string[]
  /** Not what matches one of these, nor what lies below it. */
  readonly exclude: readonly string[]
}

/** `take`: it is restored; `pass`: it is a directory in which there may be something to restore; `skip`: neither. */
export type RestoreVerdict = 'take' | 'pass' | 'skip'

/** The test for a selection. Paths begin with a slash, the root of the snapshot. */
export function restoreFilter(
  selection: RestoreSelection | undefined,
): (path: ByteName, isDirectory: boolean) => RestoreVerdict {
  if (selection === undefined || (selection.include.length === 0 && selection.exclude.length === 0)) return () => 'take'
  const include = selection.include.length === 0 ? undefined : rules(selection.include)
  const exclude = rules(selection.exclude)
  return (path, isDirectory) => {
    const tested = path.slice(1) + (isDirectory ? '/' : '')
    if (exclude.ignores(tested)) return 'skip'
    if (include === undefined || include.ignores(tested)) return 'take'
    return isDirectory ? 'pass' : 'skip'
  }
}

function rules(patterns: readonly string[]): Ignore {
  return ignore({ ignorecase: false, allowRelativePaths: true }).add([...patterns])
}
