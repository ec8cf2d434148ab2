import type { Catalog } from '../catalog/catalog.ts'
import { isFailure } from '../base/failure.ts'
import { diffPolicies } from '../model/policy/diff-policies.ts'
import { type PolicyDocument, readRecordedPolicy } from '../model/policy/read-policy.ts'
import { requireNotWeaker } from '../model/policy/require-not-weaker.ts'

export interface PolicyInForce {
  readonly document: PolicyDocument
  /** Absolute path of its file. */
  readonly path: string
  /** Why a weaker one is accepted, where somebody said so. */
  readonly reason: string | undefined
  /** User and host, for the record. */
  readonly actor: string
  readonly now: Date
}

/**
 * Puts a policy on record as the one in force, where it is not the one that was. Failure `refused` where it promises less
 * than that one and no reason was given; it names all that is weaker. A crash before the record leaves the old
 * policy in force; the next command decides anew.
 */
export async function bringIntoForce(catalog: Catalog, policy: PolicyInForce): Promise<void> {
  const { document, path, reason, actor, now } = policy
  const before = (await catalog.policyVersions()).at(-1)
  if (before?.digest === document.digest) return
  const acceptance = reason === undefined ? undefined : { reason }
  const old = before === undefined ? undefined : readOld(before.text, path)
  const record =
    old === undefined ? { weakened: [], reason: undefined } : requireNotWeaker(old, document.policy, acceptance)
  await catalog.addPolicyVersion({ digest: document.digest, since: now, text: document.text, actor, ...record })
}

/** What a policy promises less than the one in force, in words; what was accepted is in force and is none of it. */
export function weakerThanInForce(
  versions: Awaited<ReturnType<Catalog['policyVersions']>>,
  { document, path }: Pick<PolicyInForce, 'document' | 'path'>,
): readonly string[] {
  const before = versions.at(-1)
  if (before === undefined || before.digest === document.digest) return []
  const old = readOld(before.text, path)
  if (old === undefined) return []
  return diffPolicies(old, document.policy).flatMap(({ text, weakens }) => (weakens ? [text] : []))
}

/** An old version that an older program took, and this one can not read, can not be compared with. */
function readOld(text: string, path: string): PolicyDocument['policy'] | undefined {
  try {
    return readRecordedPolicy(text, path)
  } catch (error) {
    if (!isFailure(error, 'policy_invalid')) throw error
    return undefined
  }
}
