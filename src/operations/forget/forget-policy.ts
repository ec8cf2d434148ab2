import { Failure } from '../../base/failure.ts'
import { formatLongDuration, isZeroDuration, type LongDuration } from './long-duration.ts'

/** How many to keep of a kind; -1 keeps all. */
export type KeepCount = number

/** Tags that a snapshot must all have; an empty tag stands for "has no tags at all". */
export type TagList = readonly string[]

/** Which snapshots of a group stay: restic's policy. What one rule keeps is kept; what is not named is 0 or nothing. */
export interface ForgetPolicy {
  readonly last?: KeepCount
  readonly hourly?: KeepCount
  readonly daily?: KeepCount
  readonly weekly?: KeepCount
  readonly monthly?: KeepCount
  readonly yearly?: KeepCount
  /** All that are newer than this before the latest. */
  readonly within?: LongDuration
  readonly withinHourly?: LongDuration
  readonly withinDaily?: LongDuration
  readonly withinWeekly?: LongDuration
  readonly withinMonthly?: LongDuration
  readonly withinYearly?: LongDuration
  /** All that have every tag of one of these lists. */
  readonly tags?: readonly TagList[]
}

/** Whether the policy says nothing, so that it would keep nothing. */
export function isEmptyPolicy(policy: ForgetPolicy): boolean {
  return describePolicy(policy) === 'remove'
}

/** Reads the number of a --keep option: 0, 1, 2 … or "unlimited". Failure `usage` for anything else. */
export function parseKeepCount(text: string): KeepCount {
  if (text === 'unlimited') return -1
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Failure('usage', `Cannot read count "${text}": expected a whole number, or "unlimited"`)
}

/** Splits "a, b" into its tags. */
export function parseTagList(text: string): TagList {
  return text.split(',').map((tag) => tag.trim())
}

/** The policy in restic's words, e.g. "keep 7 daily snapshots and all snapshots within 3d of the newest". */
export function describePolicy(policy: ForgetPolicy): string {
  const counts = [
    [policy.last, 'latest'],
    [policy.hourly, 'hourly'],
    [policy.daily, 'daily'],
    [policy.weekly, 'weekly'],
    [policy.monthly, 'monthly'],
    [policy.yearly, 'yearly'],
  ] as const
  const spans = [
    [policy.withinHourly, 'hourly'],
    [policy.withinDaily, 'daily'],
    [policy.withinWeekly, 'weekly'],
    [policy.withinMonthly, 'monthly'],
    [policy.withinYearly, 'yearly'],
  ] as const
  const counted = counts
    .filter(([count]) => count !== undefined && count !== 0)
    .map(([count, word]) => `${count === -1 ? 'all' : count} ${word}`)
  const spanned = spans
    .filter(([span]) => !isZeroDuration(span))
    .map(([span, word]) => `${word} snapshots within ${formatLongDuration(span!)}`)
  const lists = [...(counted.length === 0 ? [] : [`${counted.join(', ')} snapshots`]), ...spanned]
  const parts = lists.length === 0 ? [] : [lists.join(', ')]
  const { tags = [], within } = policy
  if (tags.length > 0) parts.push(`all snapshots with tags [${tags.map(formatTagList).join(' ')}]`)
  if (!isZeroDuration(within)) parts.push(`all snapshots within ${formatLongDuration(within!)} of the newest`)
  return parts.length === 0 ? 'remove' : `keep ${parts.join(' and ')}`
}

/** A list of tags as restic writes it: "[a, b]". */
export function formatTagList(tags: TagList): string {
  return `[${tags.join(', ')}]`
}
