import type { RestorePhases } from '../run.ts'
import { type DataSize, fitTimes, type TimedSize, type TimeEstimate } from './time-fit.ts'

/** A restore that was carried out and found equal; with its phases, where those were timed. */
export interface TimedRestore extends TimedSize {
  readonly phases?: RestorePhases | undefined
}

/** A restore that was not carried out yet. */
export interface RestoreEstimate extends TimeEstimate {
  /** Where the duration goes; undefined where no restore had its phases timed. */
  readonly phases: RestorePhases | undefined
}

/** What restores of one source from one location are measured to take. */
export interface SourceRates {
  /** Of all phases together: what each further byte and file takes. */
  readonly msPerByte: number
  readonly msPerFile: number
  /** How many restores it is drawn from. */
  readonly measurements: number
  /** What a restore of so much takes; undefined where that is too far beyond what was measured. */
  forecast(size: DataSize): RestoreEstimate | undefined
}

const phaseNames = ['openMs', 'transferMs', 'verifyMs'] as const satisfies readonly (keyof RestorePhases)[]

/**
 * The rates of a source, each phase by itself: one may be fixed where another grows with the bytes or the files. Where no restore
 * had its phases timed, the whole is one. Undefined without measurements.
 */
export function sourceRates(restores: readonly TimedRestore[]): SourceRates | undefined {
  const timed = restores.flatMap(({ bytes, files, phases }) => (phases === undefined ? [] : [{ bytes, files, phases }]))
  if (timed.length === 0) return ratesOfWhole(restores)
  const fits = phaseNames.map(
    (phase) => fitTimes(timed.map(({ bytes, files, phases }) => ({ bytes, files, durationMs: phases[phase] })))!,
  )
  return {
    measurements: timed.length,
    msPerByte: fits.reduce((sum, { msPerByte }) => sum + msPerByte, 0),
    msPerFile: fits.reduce((sum, { msPerFile }) => sum + msPerFile, 0),
    forecast: (size) => {
      const [open, transfer, verify] = fits.map((fit) => fit.at(size))
      if (open === undefined || transfer === undefined || verify === undefined) return undefined
      const phases = { openMs: open.durationMs, transferMs: transfer.durationMs, verifyMs: verify.durationMs }
      return { ...sumOf([open, transfer, verify]), phases }
    },
  }
}

/** One after the other. That all of them take their least, or their most, is the widest that it can be. */
export function sumOf(estimates: readonly TimeEstimate[]): TimeEstimate {
  const sum = (name: keyof TimeEstimate): number => estimates.reduce((total, one) => total + one[name], 0)
  return { durationMs: sum('durationMs'), leastMs: sum('leastMs'), mostMs: sum('mostMs') }
}

function ratesOfWhole(restores: readonly TimedRestore[]): SourceRates | undefined {
  const fit = fitTimes(restores)
  if (fit === undefined) return undefined
  const { msPerByte, msPerFile, measurements } = fit
  return {
    msPerByte,
    msPerFile,
    measurements,
    forecast: (size) => {
      const estimate = fit.at(size)
      return estimate && { ...estimate, phases: undefined }
    },
  }
}
