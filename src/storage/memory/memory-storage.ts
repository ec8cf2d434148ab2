import { throwIfStopped } from '../../base/abort.ts'
import { requireObjectName, requirePrefix } from '../object-name.ts'
import { objectMissing, roomFor, wantedBytes } from '../object-range.ts'
import type { Storage } from '../storage.ts'

/** A storage that lives as long as this process: for tests and trials. Durable only in that sense. */
export function memoryStorage(name = 'memory'): Storage {
  const objects = new Map<string, Uint8Array>()
  return {
    name,
    async put(objectName, body, { whenPresent, onBodyRead }, signal) {
      throwIfStopped(signal)
      requireObjectName(objectName)
      if (whenPresent === 'keep' && objects.has(objectName)) return 'exists'
      objects.set(objectName, Uint8Array.from(body))
      onBodyRead?.()
      return 'stored'
    },
    async get(objectName, { range, into }, signal) {
      throwIfStopped(signal)
      requireObjectName(objectName)
      const object = objects.get(objectName)
      if (object === undefined) throw objectMissing(objectName, name)
      const { offset, length } = wantedBytes(objectName, object.length, range)
      const answer = roomFor(length, into)
      answer.set(object.subarray(offset, offset + length))
      return answer
    },
    async size(objectName, signal) {
      throwIfStopped(signal)
      requireObjectName(objectName)
      return objects.get(objectName)?.length
    },
    async *list(prefix, signal) {
      throwIfStopped(signal)
      requirePrefix(prefix)
      const present = [...objects] // A consumer that stores while it lists must not go on for ever.
      for (const [objectName, { length }] of present) {
        throwIfStopped(signal)
        if (objectName.startsWith(prefix)) yield { objectName, size: length }
      }
    },
    async remove(objectName, signal) {
      throwIfStopped(signal)
      requireObjectName(objectName)
      objects.delete(objectName)
    },
    async close() {},
  }
}
