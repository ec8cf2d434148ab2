import { Failure } from '../base/failure.ts'
import type { FailureCode } from '../base/failure.ts'
import type { Storage } from './storage.ts'

/** One call that reached a fault storage. */
export interface StorageCall {
  readonly verb: 'put' | 'get' | 'size' | 'list' | 'remove'
  /** The object's name, or the prefix of a list(). */
  readonly objectName: string
}

/** Throws in order to make the call fail; `count` is 1 for the first call that this storage saw. */
export type FaultHook = (call: StorageCall, count: number) => void | Promise<void>

export interface Faults {
  /** Before the call has any effect. */
  readonly before?: FaultHook
  /** After the call had its whole effect, so that only the answer is lost. */
  readonly after?: FaultHook
  /** After each object that list() named. */
  readonly duringList?: FaultHook
  /** What get() answers in the place of the stored bytes, which stay as they are. */
  readonly changeRead?: (bytes: Uint8Array, call: StorageCall) => Uint8Array
}

/** A storage that breaks on purpose, for tests and rehearsals. Without faults it is the storage inside. */
export function faultStorage(inside: Storage, faults: Faults): Storage {
  let calls = 0
  const around = async <Answer>(call: StorageCall, effect: () => Promise<Answer>): Promise<Answer> => {
    const count = ++calls
    await faults.before?.(call, count)
    const answer = await effect()
    await faults.after?.(call, count)
    return answer
  }
  return {
    name: inside.name,
    put: (objectName, body, options, signal) =>
      around({ verb: 'put', objectName }, () => inside.put(objectName, body, options, signal)),
    get(objectName, options, signal) {
      const call: StorageCall = { verb: 'get', objectName }
      return around(call, async () => {
        const bytes = await inside.get(objectName, options, signal)
        return faults.changeRead?.(bytes, call) ?? bytes
      })
    },
    size: (objectName, signal) => around({ verb: 'size', objectName }, () => inside.size(objectName, signal)),
    async *list(prefix, signal) {
      const call: StorageCall = { verb: 'list', objectName: prefix }
      const count = ++calls
      await faults.before?.(call, count)
      for await (const object of inside.list(prefix, signal)) {
        yield object
        await faults.duringList?.(call, count)
      }
      await faults.after?.(call, count)
    },
    remove: (objectName, signal) => around({ verb: 'remove', objectName }, () => inside.remove(objectName, signal)),
    close: () => inside.close(),
  }
}

/** Which calls a fault is for. */
export type CallFilter = (call: StorageCall) => boolean

const everyCall: CallFilter = () => true

/** Fails the first call that the filter takes. */
export function failOnce(code: FailureCode, filter: CallFilter = everyCall): FaultHook {
  return failTimes(1, code, filter)
}

/** Fails the first `times` calls that the filter takes. */
export function failTimes(times: number, code: FailureCode, filter: CallFilter = everyCall): FaultHook {
  let left = times
  return (call) => {
    if (left === 0 || !filter(call)) return
    left -= 1
    throw injected(code, call)
  }
}

/** Fails every n-th call that the filter takes. */
export function failEvery(n: number, code: FailureCode, filter: CallFilter = everyCall): FaultHook {
  let seen = 0
  return (call) => {
    if (filter(call) && ++seen % n === 0) throw injected(code, call)
  }
}

/** A change of what is read: one bit turned over, counted from the front and round the end. Empty reads stay empty. */
export function flipBit(bit: number, filter: CallFilter = everyCall): NonNullable<Faults['changeRead']> {
  return (bytes, call) => {
    if (bytes.length === 0 || !filter(call)) return bytes
    const changed = Uint8Array.from(bytes)
    changed[(bit >>> 3) % bytes.length]! ^= 1 << (bit & 7)
    return changed
  }
}

/** A change of what is read: only the first `length` bytes of it. */
export function cutTo(length: number, filter: CallFilter = everyCall): NonNullable<Faults['changeRead']> {
  return (bytes, call) => (filter(call) ? bytes.subarray(0, length) : bytes)
}

function injected(code: FailureCode, { verb, objectName }: StorageCall): Failure {
  return new Failure(code, `Cannot ${verb} "${objectName}": fault on purpose`, { facts: { objectName } })
}
