import { Worker } from 'node:worker_threads'
import type { FromWorker } from './worker-protocol.ts'

/** A thread that was started before there was a pool for it. */
export interface EarlyThread {
  readonly worker: Worker
  /** Resolves when its module is loaded, or never will be. */
  readonly loaded: Promise<void>
  /** Why it has ended; undefined while it lives. */
  end(): Error | undefined
}

/** More are left to be started when there is work for them: starting many takes longer than checking a password. */
const earlyMax = 4

/**
 * Threads for a WorkerPool that is still to be made. They load their module meanwhile, which takes as long as a password
 * takes to be checked; what they are to work with, the pool tells them when it takes them over. Those that no pool took
 * are ended here.
 */
export class EarlyThreads implements AsyncDisposable {
  readonly #waiting: EarlyThread[]

  /** `workerUrl` is the pool's: a module that asks its host for its workerData with its first job, and not before. */
  constructor(workerUrl: URL, count: number) {
    this.#waiting = Array.from({ length: Math.min(count, earlyMax) }, () => startThread(workerUrl, undefined))
  }

  /** One of them, which is the caller's then. */
  take(): EarlyThread | undefined {
    return this.#waiting.shift()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ending = this.#waiting.splice(0).map(async ({ worker, loaded }) => {
      await loaded // To be ended while a native library loads ends the whole process.
      await worker.terminate()
    })
    await Promise.all(ending)
  }
}

/** Workers make few objects, and short-lived ones: a larger nursery is only ever filled, and stays in memory. */
const youngGenerationMebibytes = 8

/** Starts a thread; `given` is what its host tells it from the beginning. */
export function startThread(
  workerUrl: URL,
  given: { readonly workerIndex: number; readonly workerData: unknown } | undefined,
): EarlyThread {
  const worker = new Worker(workerUrl, {
    workerData: given,
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMebibytes },
  })
  const loaded = Promise.withResolvers<void>()
  let end: Error | undefined
  worker.on('message', ({ kind }: FromWorker<unknown>) => {
    if (kind === 'ready') loaded.resolve()
  })
  worker.on('error', (error: Error) => (end ??= error))
  worker.on('messageerror', (error) => (end ??= error))
  worker.on('exit', (code) => {
    end ??= new Error(`it ended with code ${code}`)
    loaded.resolve()
  })
  return { worker, loaded: loaded.promise, end: () => end }
}
