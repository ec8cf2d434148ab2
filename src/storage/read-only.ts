import { Failure } from '../base/failure.ts'
import type { Storage } from './storage.ts'

/** The same storage for reading: put() and remove() reject with Failure `storage_read_only` and reach nothing. */
export function readOnly(inside: Storage): Storage {
  const refuse = (verb: string, objectName: string): Failure =>
    new Failure(
      'storage_read_only',
      `Cannot ${verb} object "${objectName}" in storage "${inside.name}": it was opened for reading only`,
      { facts: { objectName, storageName: inside.name } },
    )
  return {
    name: inside.name,
    put: async (objectName) => {
      throw refuse('write', objectName)
    },
    get: (objectName, options, signal) => inside.get(objectName, options, signal),
    size: (objectName, signal) => inside.size(objectName, signal),
    list: (prefix, signal) => inside.list(prefix, signal),
    remove: async (objectName) => {
      throw refuse('remove', objectName)
    },
    close: () => inside.close(),
  }
}
