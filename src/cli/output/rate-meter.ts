/** Rates are taken over this long: shorter jumps about, longer lags behind a storage that slowed down. */
const windowMs = 10_000

/** The rate at which a growing count grew lately. */
export class RateMeter {
  #samples: { readonly atMs: number; readonly bytes: number }[] = []

  /** Notes that the count was `bytes` at this time. A count that shrank begins anew. */
  add(atMs: number, bytes: number): void {
    if ((this.#samples.at(-1)?.bytes ?? 0) > bytes) this.clear()
    this.#samples.push({ atMs, bytes })
    while (this.#samples.length > 2 && this.#samples[1]!.atMs < atMs - windowMs) this.#samples.shift()
  }

  clear(): void {
    this.#samples = []
  }

  /** Undefined until two counts lie at least a second apart. */
  bytesPerSecond(): number | undefined {
    const first = this.#samples[0]
    const last = this.#samples.at(-1)
    if (first === undefined || last === undefined || last.atMs - first.atMs < 1000) return undefined
    return ((last.bytes - first.bytes) * 1000) / (last.atMs - first.atMs)
  }
}
