import { Failure } from './failure.ts'

/** Throws Failure `stopped` when the signal is aborted, with the signal's reason as its cause. */
export function throwIfStopped(signal: AbortSignal): void {
  if (!signal.aborted) return
  if (signal.reason instanceof Failure) throw signal.reason
  throw new Failure('stopped', 'The work was stopped before its end', { cause: signal.reason })
}

/** A signal that is never aborted, for callers that have nothing to stop. */
export function neverStopped(): AbortSignal {
  return new AbortController().signal
}
