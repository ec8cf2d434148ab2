import { throwIfStopped } from './abort.ts'

/** Time as an argument. Nothing outside base/ and main.ts asks the machine for it. */
export interface Clock {
  /** The time of day. */
  now(): Date
  /** Milliseconds that only grow, for measuring. */
  monotonicMs(): number
  /** Resolves after `ms`; rejects with Failure `stopped` as soon as the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    throwIfStopped(signal)
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal.addEventListener('abort', done)
    })
    throwIfStopped(signal)
  },
}

/** A clock that moves only when it is told to, or by the whole length of a sleep: for tests. */
export function fakeClock(start: Date): Clock & { advance(ms: number): void } {
  let passedMs = 0
  return {
    now: () => new Date(start.getTime() + passedMs),
    monotonicMs: () => passedMs,
    sleep: async (ms, signal) => {
      throwIfStopped(signal)
      passedMs += ms
    },
    advance: (ms) => {
      passedMs += ms
    },
  }
}
