import type { ByteName } from '../../base/byte-name.ts'
import { type DirectoryRules, ExcludeRules } from '../../sources/files/exclude-rules.ts'

/** Which entries of a snapshot are restored, by patterns as a backup has them (see ExcludeDefinition), on their paths in the snapshot. */
export interface RestoreSelection {
  /** Only what matches one of these, and what lies below it; everything where there are none. */
  readonly include: readonly string[]
  /** Not what matches one of these, nor what lies below it. */
  readonly exclude: readonly string[]
}

/** `take`: it is restored; `pass`: it is a directory in which there may be something to restore; `skip`: neither. */
export type RestoreVerdict = 'take' | 'pass' | 'skip'

/** The test for the entries of one directory. */
export type EntryTest = (name: ByteName, isDirectory: boolean) => RestoreVerdict

/** Makes the test for a directory by its path, which begins with a slash; '' is the root of the snapshot. */
export type RestoreFilter = (directory: ByteName) => EntryTest

const takeAll: EntryTest = () => 'take'

/** The filter for a selection; it takes everything where there is none. */
export function restoreFilter(selection: RestoreSelection | undefined): RestoreFilter {
  if (selection === undefined || (selection.include.length === 0 && selection.exclude.length === 0)) {
    return () => takeAll
  }
  const exclude = new ExcludeRules({ patterns: selection.exclude })
  const include = selection.include.length === 0 ? undefined : new ExcludeRules({ patterns: selection.include })
  return (directory) => {
    const excluded = exclude.forDirectory(directory)
    const included = include === undefined ? 'all' : include.forDirectory(directory)
    return (name, isDirectory) => {
      if (excluded?.excludes(name, { isDirectory }) === true) return 'skip'
      if (isIncluded(included, name, isDirectory)) return 'take'
      return isDirectory ? 'pass' : 'skip'
    }
  }
}

/** Patterns that hold nothing but comments include nothing. */
function isIncluded(included: DirectoryRules | 'all' | undefined, name: ByteName, isDirectory: boolean): boolean {
  return included === 'all' || included?.excludes(name, { isDirectory }) === true
}
