/** A restore that was carried out and compared: how much it was, and how long it took from its beginning to the comparison's end. */
export interface RestoreMeasurement {
  readonly bytes: number
  readonly durationMs: number
}

/** What a restore takes: so much whatever its size, and so much for each byte. */
export interface RestoreFit {
  readonly fixedMs: number
  readonly msPerByte: number
  /** The largest restore that it was drawn from. */
  readonly bytesMax: number
  readonly measurements: number
}

/** Beyond so many times the largest restore that was measured, its rate says nothing. */
export const reachMax = 4

/** Sizes closer together than this do not tell what is fixed from what grows. */
const spreadMin = 1.25

/**
 * The line through measured restores, by least squares, neither part below nothing. Where all have about one size, what is
 * fixed can not be told from what grows: all is taken to grow, which forecasts too much rather than too little for more
 * data. Undefined without measurements.
 */
export function fitRestores(measured: readonly RestoreMeasurement[]): RestoreFit | undefined {
  if (measured.length === 0) return undefined
  const sizes = measured.map(({ bytes }) => bytes)
  const bytesMax = Math.max(...sizes)
  const common = { bytesMax, measurements: measured.length }
  const meanBytes = mean(sizes)
  const meanMs = mean(measured.map(({ durationMs }) => durationMs))
  if (bytesMax < spreadMin * Math.min(...sizes) || bytesMax === 0) {
    return bytesMax === 0
      ? { ...common, fixedMs: meanMs, msPerByte: 0 }
      : { ...common, fixedMs: 0, msPerByte: meanMs / meanBytes }
  }
  const covariance = mean(measured.map(({ bytes, durationMs }) => (bytes - meanBytes) * (durationMs - meanMs)))
  const variance = mean(sizes.map((bytes) => (bytes - meanBytes) ** 2))
  const msPerByte = covariance / variance
  if (msPerByte <= 0) return { ...common, fixedMs: meanMs, msPerByte: 0 }
  const fixedMs = meanMs - msPerByte * meanBytes
  if (fixedMs >= 0) return { ...common, fixedMs, msPerByte }
  const products = mean(measured.map(({ bytes, durationMs }) => bytes * durationMs))
  return { ...common, fixedMs: 0, msPerByte: products / mean(sizes.map((bytes) => bytes ** 2)) }
}

/** How long a restore of so much takes; undefined where that is too far beyond what was measured. */
export function restoreMs(fit: RestoreFit, bytes: number): number | undefined {
  return bytes > reachMax * fit.bytesMax && bytes > 0 ? undefined : fit.fixedMs + fit.msPerByte * bytes
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
