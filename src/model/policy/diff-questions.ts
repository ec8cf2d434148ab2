import { isDeepStrictEqual } from 'node:util'
import { isNoWeaker } from '../expected-answer.ts'
import type { PolicyChange } from './policy-change.ts'
import type { AssertionPolicy, ValidationPolicy } from './policy.ts'

/** In what is asserted of the restored copies of a source differs from before; `above`: the setting of the source. */
export function diffAssertions(
  { above, name }: { readonly above: string; readonly name: string },
  before: readonly AssertionPolicy[],
  after: readonly AssertionPolicy[],
): PolicyChange[] {
  const change = (text: string, weakens: boolean): PolicyChange => {
    return { setting: `${above}.assertions`, text: `source ${name}: ${text}`, weakens }
  }
  const gone = before.filter((one) => !after.some((other) => isKept(other, one)))
  const added = after.filter((one) => !before.some((other) => isDeepStrictEqual(other, one)))
  return [
    ...gone.map((one) => change(`"${one.name}" is no longer asserted as it was`, true)),
    ...added.map((one) => {
      const isTighter = before.some((other) => isKept(one, other))
      return change(`"${one.name}" is asserted${isTighter ? ' otherwise, and of no less' : ''}`, false)
    }),
  ]
}

/** In what is validated after a restore differs from before. */
export function diffValidations(
  { above, name }: { readonly above: string; readonly name: string },
  before: readonly ValidationPolicy[],
  after: readonly ValidationPolicy[],
): PolicyChange[] {
  if (isDeepStrictEqual(before, after)) return []
  const gone = before.filter((one) => !after.some((other) => isKeptValidation(other, one)))
  const text =
    gone.length > 0
      ? `source ${name}: ${gone.length} of its validations are no longer as they were`
      : `source ${name}: more is validated after a restore`
  return [{ setting: `${above}.validations`, text, weakens: gone.length > 0 }]
}

type Question = Pick<AssertionPolicy, 'sql' | 'expect' | 'atLeast' | 'atMost'>

/** Whether what was wanted before is wanted still: the same is asked, and nothing more passes. */
function isKept(after: Question, before: Question): boolean {
  return after.sql === before.sql && isNoWeaker(after, before)
}

function isKeptValidation(after: ValidationPolicy, before: ValidationPolicy): boolean {
  if ('sql' in after && 'sql' in before) return isKept(after, before)
  return isDeepStrictEqual(after, before)
}
