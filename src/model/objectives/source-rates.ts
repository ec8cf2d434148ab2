import type { RestorePhases } from '../run.ts'
import { fitRestores, restoreMs, type RestoreMeasurement } from './restore-fit.ts'

/** A restore that was carried out and found equal; with its phases, where those were timed. */
export interface TimedRestore extends RestoreMeasurement {
  readonly phases?: RestorePhases | undefined
}

/** What restores of one source from one location are measured to take. */
export interface SourceRates {
  /** Of the transfer and the comparison together: what each further byte takes. */
  readonly msPerByte: number
  /** How many restores it is drawn from. */
  readonly measurements: number
  /** What a restore of so much takes; undefined where that is too far beyond what was measured. */
  forecast(bytes: number): { readonly durationMs: number; readonly phases: RestorePhases | undefined } | undefined
}

/**
 * The rates of a source: opening takes what it took, transfer and comparison grow with the data, each by its own line. Where
 * no restore had its phases timed, the whole has one line. Undefined without measurements.
 */
export function sourceRates(restores: readonly TimedRestore[]): SourceRates | undefined {
  const timed = restores.flatMap(({ bytes, phases }) => (phases === undefined ? [] : [{ bytes, phases }]))
  if (timed.length === 0) return ratesOfWhole(restores)
  const measurements = timed.length
  const fitOf = (phase: 'transferMs' | 'verifyMs') =>
    fitRestores(timed.map(({ bytes, phases }) => ({ bytes, durationMs: phases[phase] })))!
  const [transfer, verify] = [fitOf('transferMs'), fitOf('verifyMs')]
  const openMs = timed.reduce((sum, { phases }) => sum + phases.openMs, 0) / measurements
  return {
    measurements,
    msPerByte: transfer.msPerByte + verify.msPerByte,
    forecast: (bytes) => {
      const [transferMs, verifyMs] = [restoreMs(transfer, bytes), restoreMs(verify, bytes)]
      if (transferMs === undefined || verifyMs === undefined) return undefined
      return { durationMs: openMs + transferMs + verifyMs, phases: { openMs, transferMs, verifyMs } }
    },
  }
}

function ratesOfWhole(restores: readonly TimedRestore[]): SourceRates | undefined {
  const fit = fitRestores(restores)
  if (fit === undefined) return undefined
  const { msPerByte, measurements } = fit
  return {
    msPerByte,
    measurements,
    forecast: (bytes) => {
      const durationMs = restoreMs(fit, bytes)
      return durationMs === undefined ? undefined : { durationMs, phases: undefined }
    },
  }
}
