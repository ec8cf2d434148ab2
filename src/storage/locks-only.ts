import { readOnly } from './read-only.ts'
import type { Storage } from './storage.ts'

/** Where repositories keep their locks. */
const locksPrefix = 'locks/'

/**
 * The same storage for reading, where nothing can be written or removed but locks, so that nobody prunes meanwhile: other
 * writes reject with Failure `storage_read_only` and reach nothing.
 */
export function locksOnly(inside: Storage): Storage {
  const reading = readOnly(inside)
  return {
    ...reading,
    put: (objectName, body, options, signal) =>
      (objectName.startsWith(locksPrefix) ? inside : reading).put(objectName, body, options, signal),
    remove: (objectName, signal) => (objectName.startsWith(locksPrefix) ? inside : reading).remove(objectName, signal),
  }
}
