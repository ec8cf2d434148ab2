import { Failure } from '../base/failure.ts'

const segmentPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,199}$/
/** Unfinished files of restic's own local backend end so: "<id>-tmp-1234". */
const resticUnfinished = /-tmp-[0-9]+$/

/**
 * Says whether a text may name an object: segments of letters, digits, ".", "_" and "-", joined by "/", none of
 * them beginning with "." or "-". Whatever else lies in a storage (unfinished files, "lost+found", notes of a
 * person that have a blank in their name) is no object, and list() does not name it.
 */
export function isObjectName(text: string): boolean {
  return text.split('/').every((segment) => segmentPattern.test(segment) && !resticUnfinished.test(segment))
}

/** Throws Failure `defect` where the text can not name an object: names come from this program, never from outside. */
export function requireObjectName(text: string): void {
  if (!isObjectName(text)) {
    throw new Failure('defect', `Cannot use object name ${JSON.stringify(text)}: it is not of the storage layout`)
  }
}

/** The same for the prefix of a list(): '', a folder with its slash, or the beginning of names in one. */
export function requirePrefix(text: string): void {
  if (text !== '') requireObjectName(text.endsWith('/') ? text.slice(0, -1) : text)
}
