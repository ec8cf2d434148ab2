/** Runs works in their order, at most `lanesMax` of them at the same time; the others wait. */
export class Lanes {
  readonly #lanesMax: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(lanesMax: number) {
    this.#lanesMax = lanesMax
  }

  async run<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    if (this.#running < this.#lanesMax) this.#running++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve)) // Who ends hands its lane over.
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
