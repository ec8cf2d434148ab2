import { fitRelative } from './relative-fit.ts'

/** How much there is of something that takes time to restore. */
export interface DataSize {
  readonly bytes: number
  readonly files: number
}

/** A measurement: so much took so long. */
export interface TimedSize extends DataSize {
  readonly durationMs: number
}

/** How long something takes, as near as measurements tell. */
export interface TimeEstimate {
  readonly durationMs: number
  /** It is between these as far as the measurements say. */
  readonly leastMs: number
  readonly mostMs: number
}

/** What measurements say of how a duration goes with size. */
export interface TimeFit {
  readonly measurements: number
  /** What each further byte and file takes. */
  readonly msPerByte: number
  readonly msPerFile: number
  /** Undefined where so much is too far beyond what was measured. */
  at(size: DataSize): TimeEstimate | undefined
}

/** Beyond so many times the largest that was measured, the measurements say nothing. */
export const reachMax = 4

/**
 * What a duration may be made of: a part that is there whatever the size, one for each byte, one for each file. In the order in
 * which they are believed where the measurements do not tell between them: that all grows forecasts too much rather than
 * too little for data that has grown.
 */
const forms = [
  ['byte'],
  ['file'],
  ['fixed'],
  ['fixed', 'byte'],
  ['fixed', 'file'],
  ['byte', 'file'],
  ['fixed', 'byte', 'file'],
] as const
type Part = (typeof forms)[number][number]

/** A further part must bring the fit so much nearer (mean relative error) to be believed: with enough parts everything fits. */
const partCost = 0.02
/** A form whose mean relative error is so much above the best one's is possible all the same. */
const possibleWithin = 0.1
/** The same restore at another time: so much more or less, where one measurement is all that there is. */
const scatterOfOne = 0.2

interface Fitted {
  readonly parts: Readonly<Record<Part, number>>
  readonly error: number
  /** The error, and what its parts cost. */
  readonly score: number
}

/**
 * Fits durations to sizes, no part below nothing, by relative errors: a small restore counts as much as a large one, and one that
 * was disturbed counts little among several. The estimate is that of the form that fits best; its range is of all forms that are
 * possible, and of how far the measurements scatter. With one measurement, or several of one size, nothing tells what is fixed
 * from what grows: the range says so. Undefined without measurements.
 */
export function fitTimes(measured: readonly TimedSize[]): TimeFit | undefined {
  if (measured.length === 0) return undefined
  const fitted = forms.flatMap((form) => fitForm(form, measured) ?? [])
  const best = fitted.reduce((first, one) => (one.score < first.score ? one : first))
  const possible = fitted.filter(({ score }) => score <= best.score + possibleWithin)
  const scatter = Math.max(scatterOfOne / Math.sqrt(measured.length), best.error)
  const largest = {
    bytes: Math.max(...measured.map(({ bytes }) => bytes)),
    files: Math.max(...measured.map(({ files }) => files)),
  }
  return {
    measurements: measured.length,
    msPerByte: best.parts.byte,
    msPerFile: best.parts.file,
    at: (size) => {
      if (size.bytes > reachMax * largest.bytes && size.bytes > 0) return undefined
      const times = possible.map((one) => timeOf(one, size))
      return {
        durationMs: timeOf(best, size),
        leastMs: Math.min(...times) * Math.max(0, 1 - scatter),
        mostMs: Math.max(...times) * (1 + scatter),
      }
    },
  }
}

/** Counts closer together than this do not tell what each file takes; that they stay so is no reason to take all of it for fixed. */
const filesSpreadMin = 1.25

function fitForm(form: readonly Part[], measured: readonly TimedSize[]): Fitted | undefined {
  const files = measured.map((one) => one.files)
  const isAlike = measured.length > 1 && Math.max(...files) < filesSpreadMin * Math.min(...files)
  if (isAlike && form.includes('file')) return undefined
  const rows = measured.map((one) => ({ values: form.map((part) => amountOf(part, one)), wanted: one.durationMs }))
  const found = fitRelative(rows)
  if (found === undefined) return undefined
  const parts = { fixed: 0, byte: 0, file: 0 }
  for (const [at, part] of form.entries()) parts[part] = found.factors[at]!
  return { parts, error: found.error, score: found.error + partCost * costOf(form) }
}

/** That nothing grows is a claim of its own. */
function costOf(form: readonly Part[]): number {
  return form.length === 1 && form[0] === 'fixed' ? 2 : form.length
}

function amountOf(part: Part, { bytes, files }: DataSize): number {
  return part === 'fixed' ? 1 : part === 'byte' ? bytes : files
}

function timeOf({ parts }: Fitted, { bytes, files }: DataSize): number {
  return parts.fixed + parts.byte * bytes + parts.file * files
}
