/**
 * Jobs waiting to be run, the newest first, with at most `runningMax` under way: depth first, so that what waits
 * stays small however large the whole is. A job may add jobs while it runs. The first failure ends it all.
 */
export class JobQueue {
  readonly #waiting: (() => Promise<void>)[] = []
  readonly #runningMax: number
  #running = 0
  #failure: { readonly error: unknown } | undefined
  #finished: PromiseWithResolvers<void> | undefined

  constructor(runningMax: number) {
    this.#runningMax = runningMax
  }

  add(job: () => Promise<void>): void {
    this.#waiting.push(job)
    this.#start()
  }

  /** Resolves when nothing waits and nothing runs; rejects with the first failure, once nothing runs. */
  async finished(): Promise<void> {
    this.#finished = Promise.withResolvers()
    this.#settle()
    await this.#finished.promise
  }

  #start(): void {
    while (this.#running < this.#runningMax && this.#failure === undefined) {
      const job = this.#waiting.pop()
      if (job === undefined) return
      this.#running++
      job()
        .catch((error: unknown) => {
          this.#failure ??= { error } // The first one tells the cause; what follows are its effects.
        })
        .finally(() => {
          this.#running--
          this.#start()
          this.#settle()
        })
        .catch(() => {}) // Both callbacks above do not throw.
    }
  }

  #settle(): void {
    if (this.#finished === undefined || this.#running > 0) return
    if (this.#failure !== undefined) this.#finished.reject(this.#failure.error)
    else if (this.#waiting.length === 0) this.#finished.resolve()
  }
}
