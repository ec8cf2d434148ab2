/** What a query must answer: a text, or a number within bounds, each of which counts as within. */
export interface ExpectedAnswer {
  readonly expect?: string | undefined
  readonly atLeast?: number | undefined
  readonly atMost?: number | undefined
}

const toldCharactersMax = 200

/** A number as databases write it. */
const numberForm = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i
const wholeForm = /^[+-]?\d+$/

/**
 * What is wrong with an answer: `found "4", expected at least 5`; undefined where it is as wanted. `found` is undefined where
 * there was no row, or no value in it: then nothing is as wanted. Whole numbers are compared exactly, whatever their size.
 */
export function answerFault(found: string | undefined, wanted: ExpectedAnswer): string | undefined {
  if (found !== undefined && isExpected(found, wanted)) return undefined
  const told = found === undefined ? 'nothing' : `"${shortened(found)}"`
  return `found ${told}, expected ${describeExpected(wanted)}`
}

/** What is wanted, in words: `"paid"`, "a number from 5 to 10", "a number of at least 5". */
export function describeExpected({ expect, atLeast, atMost }: ExpectedAnswer): string {
  if (expect !== undefined) return `"${shortened(expect)}"`
  if (atLeast !== undefined && atMost !== undefined) return `a number from ${atLeast} to ${atMost}`
  return atLeast === undefined ? `a number of at most ${atMost}` : `a number of at least ${atLeast}`
}

/** Whether everything that `after` lets pass, `before` let pass too. */
export function isNoWeaker(after: ExpectedAnswer, before: ExpectedAnswer): boolean {
  if (after.expect !== undefined) return isExpected(after.expect, before)
  if (before.expect !== undefined) return false
  const [least, most] = [before.atLeast ?? -Infinity, before.atMost ?? Infinity]
  return (after.atLeast ?? -Infinity) >= least && (after.atMost ?? Infinity) <= most
}

function isExpected(found: string, { expect, atLeast, atMost }: ExpectedAnswer): boolean {
  if (expect !== undefined) return found === expect
  if (!numberForm.test(found)) return false
  // JavaScript compares a BigInt with a number exactly; the sign "+" is all that BigInt() does not take.
  const value = wholeForm.test(found) ? BigInt(found.replace('+', '')) : Number(found)
  return (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost)
}

function shortened(text: string): string {
  return text.length > toldCharactersMax ? `${text.slice(0, toldCharactersMax)}…` : text
}
