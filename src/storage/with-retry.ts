import { throwIfStopped } from '../base/abort.ts'
import type { Clock } from '../base/clock.ts'
import { Failure, isFailure } from '../base/failure.ts'
import type { PutOptions, Storage } from './storage.ts'

/** How often and how patiently to try again. */
export interface RetryOptions {
  readonly clock: Clock
  /** Numbers from 0 up to 1, so that many hosts do not come back at the same moment. */
  readonly random: () => number
  /** Attempts of one call, the first one included. */
  readonly attemptsMax?: number
  /** Wait before the second attempt, milliseconds; it doubles with each attempt up to waitMsMax, give or take half. */
  readonly firstWaitMs?: number
  readonly waitMsMax?: number
  /** Hears of each failed attempt that is made again after `waitMs`. */
  readonly onRetry?: (failure: Failure, waitMs: number) => void
}

/** Seven attempts wait about 30 seconds together: longer than a restart of a network service. */
const defaults = { attemptsMax: 7, firstWaitMs: 500, waitMsMax: 30_000 }

/**
 * The same storage, which makes a call again where the failure table says that this may help.
 *
 * A put() that keeps, and whose answer was lost, finds an object at its next attempt and answers 'exists'. There is
 * nothing to compare: put() is atomic, so that what is found is whole, either this very body or an older object
 * that would have been kept as well. A caller that must know which one reads it.
 */
export function withRetry(inside: Storage, options: RetryOptions): Storage {
  const again = new Attempts(options)
  return {
    name: inside.name,

    put(objectName, body, putOptions, signal) {
      const watched = watchBody(putOptions)
      return again.run(signal, () => inside.put(objectName, body, watched.options, signal), watched.isBodyThere)
    },
    get: (objectName, getOptions, signal) => again.run(signal, () => inside.get(objectName, getOptions, signal)),
    size: (objectName, signal) => again.run(signal, () => inside.size(objectName, signal)),
    remove: (objectName, signal) => again.run(signal, () => inside.remove(objectName, signal)),

    async *list(prefix, signal) {
      const told = new Set<string>() // A new attempt begins at the front; each object is named once.
      for (let attempt = 1, toldBefore = 0; ; attempt++) {
        try {
          for await (const object of inside.list(prefix, signal)) {
            if (told.has(object.objectName)) continue
            told.add(object.objectName)
            yield object
          }
          return
        } catch (error) {
          if (told.size > toldBefore) attempt = 1 // A long listing may break often as long as it gets on.
          toldBefore = told.size
          await again.waitOrThrow(error, attempt, signal)
        }
      }
    },

    close: () => inside.close(),
  }
}

/** The same options, and whether the body may still be read: once it was given back, there can be no other attempt. */
function watchBody(options: PutOptions): { readonly options: PutOptions; readonly isBodyThere: () => boolean } {
  const { onBodyRead } = options
  if (onBodyRead === undefined) return { options, isBodyThere: () => true }
  let isThere = true
  const watched = (): void => {
    isThere = false
    onBodyRead()
  }
  return { options: { ...options, onBodyRead: watched }, isBodyThere: () => isThere }
}

class Attempts {
  readonly #options: RetryOptions & typeof defaults

  constructor(options: RetryOptions) {
    this.#options = { ...defaults, ...options }
  }

  async run<Answer>(
    signal: AbortSignal,
    call: () => Promise<Answer>,
    isRepeatable: () => boolean = () => true,
  ): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await call()
      } catch (error) {
        if (!isRepeatable()) throw error
        await this.waitOrThrow(error, attempt, signal)
      }
    }
  }

  /** Resolves when it is time for the next attempt; throws where there is to be none. */
  async waitOrThrow(error: unknown, attempt: number, signal: AbortSignal): Promise<void> {
    const { clock, random, attemptsMax, firstWaitMs, waitMsMax, onRetry } = this.#options
    if (!isFailure(error) || !error.retry || error.code === 'stopped') throw error
    throwIfStopped(signal)
    if (attempt >= attemptsMax) throw gaveUp(error, attempt)
    const waitMs = Math.min(waitMsMax, firstWaitMs * 2 ** (attempt - 1)) * (0.5 + random())
    onRetry?.(error, waitMs)
    await clock.sleep(waitMs, signal)
  }
}

function gaveUp(failure: Failure, attempts: number): Failure {
  if (attempts === 1) return failure
  const { code, message, facts } = failure
  return new Failure(code, `${message} (${attempts} attempts)`, { facts: { ...facts, attempts }, cause: failure })
}
