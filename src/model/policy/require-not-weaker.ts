import { Failure } from '../../base/failure.ts'
import { diffPolicies } from './diff-policies.ts'
import type { Policy } from './policy.ts'

/** What goes on record with a version of the policy that weakens the one before it. */
export interface PolicyWeakening {
  /** What it weakens, in words; none where it weakens nothing. */
  readonly weakened: readonly string[]
  /** Why that was accepted. */
  readonly reason: string | undefined
}

const reasonCharactersMax = 1000

/**
 * Lets a policy take the place of the one before it only where it promises no less, or somebody accepts that and says why.
 * Answers what to put on record. Failure `refused` that lists every weakening; `usage` for a reason that is none.
 */
export function requireNotWeaker(
  before: Policy,
  after: Policy,
  acceptance: { readonly reason: string } | undefined,
): PolicyWeakening {
  const weakened = diffPolicies(before, after).flatMap(({ text, weakens }) => (weakens ? [text] : []))
  if (weakened.length === 0) return { weakened, reason: undefined }
  if (acceptance === undefined) {
    const lines = weakened.map((text) => `\n  ${text}`).join('')
    const count = weakened.length === 1 ? 'one thing' : `${weakened.length} things`
    throw new Failure('refused', `Cannot take over a weaker policy: it promises less in ${count}${lines}`, {
      facts: {
        weakenings: weakened.length,
        hint: 'Put the policy back, or add --accept-weaker "<reason>": the reason goes on record.',
      },
    })
  }
  const reason = acceptance.reason.trim()
  if (reason === '' || reason.length > reasonCharactersMax) {
    const found = reason === '' ? 'the reason is empty' : `the reason has ${reason.length} characters`
    throw new Failure('usage', `Cannot accept a weaker policy: ${found}, expected 1 to ${reasonCharactersMax}`)
  }
  return { weakened, reason }
}
