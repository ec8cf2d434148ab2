import { throwIfStopped } from '../base/abort.ts'
import type { Clock } from '../base/clock.ts'
import type { Storage } from './storage.ts'

/** Limits in bytes a second; undefined stands for none. */
export interface ThrottleLimits {
  readonly uploadBytesPerSecond?: number | undefined
  readonly downloadBytesPerSecond?: number | undefined
}

/**
 * The same storage, slowed: over any time, the bytes given to put() and answered by get() stay within the limits,
 * but for one object each way. An object itself goes at full speed; the next call waits until the time that it
 * should have taken is over. Nothing else waits.
 */
export function withThrottle(inside: Storage, clock: Clock, limits: ThrottleLimits): Storage {
  const upload = new Lane(clock, limits.uploadBytesPerSecond)
  const download = new Lane(clock, limits.downloadBytesPerSecond)
  return {
    name: inside.name,
    async put(objectName, body, options, signal) {
      await upload.enter(body.length, signal)
      return await inside.put(objectName, body, options, signal)
    },
    async get(objectName, options, signal) {
      const expected = options.range?.length ?? 0
      await download.enter(expected, signal)
      const bytes = await inside.get(objectName, options, signal)
      download.add(bytes.length - expected)
      return bytes
    },
    size: (objectName, signal) => inside.size(objectName, signal),
    list: (prefix, signal) => inside.list(prefix, signal),
    remove: (objectName, signal) => inside.remove(objectName, signal),
    close: () => inside.close(),
  }
}

/** One direction: a moment at which all bytes so far would have passed at the limit. */
class Lane {
  readonly #clock: Clock
  readonly #msPerByte: number
  #freeAtMs: number

  constructor(clock: Clock, bytesPerSecond: number | undefined) {
    this.#clock = clock
    this.#msPerByte = bytesPerSecond === undefined ? 0 : 1000 / bytesPerSecond
    this.#freeAtMs = clock.monotonicMs()
  }

  /** Waits until the bytes before these have had their time, and counts these. */
  async enter(bytes: number, signal: AbortSignal): Promise<void> {
    throwIfStopped(signal)
    const nowMs = this.#clock.monotonicMs()
    const startMs = Math.max(nowMs, this.#freeAtMs)
    this.#freeAtMs = startMs + bytes * this.#msPerByte
    if (startMs > nowMs) await this.#clock.sleep(startMs - nowMs, signal)
  }

  /** Counts bytes that were not known of at enter(). */
  add(bytes: number): void {
    this.#freeAtMs = Math.max(this.#freeAtMs, this.#clock.monotonicMs()) + bytes * this.#msPerByte
  }
}
