import { Failure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { applyPolicy, type PolicyOutcome } from './apply-policy.ts'
import { isEmptyPolicy, type ForgetPolicy } from './forget-policy.ts'
import { describeGroup, groupSnapshots, type GroupBy, type GroupKey } from './group-snapshots.ts'

export interface ForgetFacts {
  /** Those that the filters of the command let through; nothing else is ever removed. */
  readonly snapshots: readonly Snapshot[]
  readonly policy: ForgetPolicy
  readonly groupBy: GroupBy
  /** RFC 3339. */
  readonly now: string
  /** Lets an empty policy remove everything that a filter selects. */
  readonly removeAll: 'refuse' | 'allow'
}

export interface ForgetGroup extends PolicyOutcome {
  readonly key: GroupKey
}

/** Which snapshots to remove, with the reasons why the others stay. */
export interface ForgetPlan {
  readonly groups: readonly ForgetGroup[]
  readonly remove: readonly Id[]
}

/**
 * Applies the policy to each group on its own. Failure `usage` where the policy is empty (unless removing all is
 * allowed), and Failure `refused` where a policy that is not empty would leave nothing of a group: a policy that
 * keeps nothing is more often a slip than a wish.
 */
export function planForget(facts: ForgetFacts): ForgetPlan {
  const isEmpty = isEmptyPolicy(facts.policy)
  if (isEmpty && facts.removeAll === 'refuse')
    throw new Failure('usage', 'Cannot forget snapshots: no policy was given, expected one or more --keep options')
  const groups = groupSnapshots(facts.snapshots, facts.groupBy).map(({ key, snapshots }) => ({
    key,
    ...applyPolicy(snapshots, facts.policy, facts.now),
  }))
  const emptied = groups.find((group) => !isEmpty && group.keep.length === 0)
  if (emptied !== undefined)
    throw new Failure('refused', `Cannot forget snapshots of ${describeGroup(emptied.key)}: the policy keeps none`, {
      facts: { hint: 'To remove all of them, name them by their ids' },
    })
  return { groups, remove: groups.flatMap((group) => group.remove.map((snapshot) => snapshot.id)) }
}

/** The plan that removes exactly these. */
export function planForgetNamed(snapshots: readonly Snapshot[]): ForgetPlan {
  return { groups: [], remove: snapshots.map((snapshot) => snapshot.id) }
}
