import { type Clock, systemClock } from '../src/base/clock.ts'

/** The machine's clock, some milliseconds ahead of itself: what is due tomorrow is due now. */
export function shiftedClock(byMs: number): Clock {
  return { ...systemClock, now: () => new Date(Date.now() + byMs) }
}
