import { Failure } from '../../base/failure.ts'
import { formatGoDate } from '../../model/go-time.ts'
import type { Snapshot } from '../../model/snapshot.ts'
import { executeForget } from '../../operations/forget/forget.ts'
import { describePolicy, type ForgetPolicy, isEmptyPolicy } from '../../operations/forget/forget-policy.ts'
import { describeGroup, groupByHostAndPaths, type GroupBy } from '../../operations/forget/group-snapshots.ts'
import type { LongDuration } from '../../operations/forget/long-duration.ts'
import { type ForgetGroup, type ForgetPlan, planForget, planForgetNamed } from '../../operations/forget/plan-forget.ts'
import { snapshotJson } from '../../operations/list/list-json.ts'
import { matchesFilter, selectSnapshots, type SnapshotFilter } from '../../operations/list/select-snapshots.ts'
import type { PruneOptions } from '../../operations/prune/prune-options.ts'
import { encodeGoStrings, encodeGoString } from '../../repository/go-json.ts'
import { readSnapshots } from '../access/read-snapshots.ts'
import { withRepository } from '../access/with-repository.ts'
import type { CommandContext } from '../command-entry.ts'
import { type FilterOptions, snapshotFilter } from '../options/snapshot-filter.ts'
import { beginProgress } from '../output/begin-progress.ts'
import { formatCount } from '../output/format-count.ts'
import { snapshotTable } from '../output/snapshot-table.ts'
import type { Outcome } from '../outcome.ts'

export interface ForgetOptions extends FilterOptions {
  readonly keepLast?: number | undefined
  readonly keepHourly?: number | undefined
  readonly keepDaily?: number | undefined
  readonly keepWeekly?: number | undefined
  readonly keepMonthly?: number | undefined
  readonly keepYearly?: number | undefined
  readonly keepWithin?: LongDuration | undefined
  readonly keepWithinHourly?: LongDuration | undefined
  readonly keepWithinDaily?: LongDuration | undefined
  readonly keepWithinWeekly?: LongDuration | undefined
  readonly keepWithinMonthly?: LongDuration | undefined
  readonly keepWithinYearly?: LongDuration | undefined
  readonly keepTag?: readonly (readonly string[])[] | undefined
  readonly groupBy?: GroupBy | undefined
  readonly unsafeAllowRemoveAll?: true | undefined
  readonly compact?: true | undefined
  readonly dryRun?: true | undefined
  readonly prune?: true | undefined
  readonly pruneOptions: PruneOptions
}

export async function runForget(
  context: CommandContext,
  ids: readonly string[],
  options: ForgetOptions,
): Promise<Outcome> {
  const { output } = context
  const isDry = options.dryRun === true
  const use = isDry ? 'read' : 'write'
  return await withRepository(context, { lock: 'exclusive', use }, async (repository, signal) => {
    const { snapshots, outcome } = await readSnapshots(repository, { index: 'leave', output }, signal)
    const plan = makePlan(context, { snapshots, ids, options })
    tellPlan(context, plan, options)
    if (!isDry) {
      await using display = beginProgress(context)
      const { removed } = await executeForget(plan, repository, { progress: display.report }, signal)
      await display.end()
      if (!output.json) output.line(`removed ${formatCount(removed.length, 'snapshot')}`)
    }
    if (options.prune === true && plan.remove.length > 0) {
      const { pruneOpened } = await import('./run-prune.ts')
      const ignoreSnapshots = new Set(plan.remove)
      await pruneOpened(context, repository, { dryRun: isDry, options: options.pruneOptions, ignoreSnapshots }, signal)
    }
    return outcome
  })
}

function makePlan(
  { world }: CommandContext,
  facts: { readonly snapshots: readonly Snapshot[]; readonly ids: readonly string[]; readonly options: ForgetOptions },
): ForgetPlan {
  const { snapshots, ids, options } = facts
  const policy = policyOf(options)
  const filter = snapshotFilter(options, world)
  if (ids.length > 0) {
    if (!isEmptyPolicy(policy)) {
      throw new Failure('usage', 'Cannot choose snapshots to remove both by their ids and by --keep rules')
    }
    return planForgetNamed(selectSnapshots(snapshots, ids, filter))
  }
  if (options.unsafeAllowRemoveAll === true && isEveryOne(filter)) {
    throw new Failure('usage', 'Cannot remove all snapshots of a repository: expected --host, --tag or --path')
  }
  return planForget({
    snapshots: snapshots.filter((snapshot) => matchesFilter(snapshot, filter)),
    policy,
    groupBy: options.groupBy ?? groupByHostAndPaths,
    now: formatGoDate(world.clock.now()),
    removeAll: options.unsafeAllowRemoveAll === true ? 'allow' : 'refuse',
  })
}

function isEveryOne({ hosts, tags, paths }: SnapshotFilter): boolean {
  return hosts.length + tags.length + paths.length === 0
}

function policyOf(options: ForgetOptions): ForgetPolicy {
  const rules: { readonly [Rule in keyof ForgetPolicy]-?: ForgetPolicy[Rule] | undefined } = {
    last: options.keepLast,
    hourly: options.keepHourly,
    daily: options.keepDaily,
    weekly: options.keepWeekly,
    monthly: options.keepMonthly,
    yearly: options.keepYearly,
    within: options.keepWithin,
    withinHourly: options.keepWithinHourly,
    withinDaily: options.keepWithinDaily,
    withinWeekly: options.keepWithinWeekly,
    withinMonthly: options.keepWithinMonthly,
    withinYearly: options.keepWithinYearly,
    tags: options.keepTag,
  }
  return Object.fromEntries(Object.entries(rules).filter(([, rule]) => rule !== undefined))
}

function tellPlan({ output }: CommandContext, plan: ForgetPlan, options: ForgetOptions): void {
  if (output.json) {
    output.line(`[${plan.groups.map(groupJson).join(',')}]`)
    return
  }
  const compact = options.compact === true
  if (plan.groups.length > 0) output.line(`policy: ${describePolicy(policyOf(options))}`)
  for (const group of plan.groups) {
    output.line('')
    output.line(`${describeGroup(group.key)}:`)
    if (group.keep.length > 0) {
      const reasons = new Map(group.reasons.map(({ snapshot, matches }) => [snapshot, matches]))
      output.line(`keep ${formatCount(group.keep.length, 'snapshot')}:`)
      for (const line of snapshotTable(group.keep, { compact, reasons })) output.line(line)
    }
    if (group.remove.length > 0) {
      output.line(`remove ${formatCount(group.remove.length, 'snapshot')}:`)
      for (const line of snapshotTable(group.remove, { compact })) output.line(line)
    }
  }
  if (plan.groups.length > 0) output.line('')
  if (options.dryRun === true) output.line(`would remove ${formatCount(plan.remove.length, 'snapshot')}`)
}

/** A group as `restic forget --json` shows it. */
function groupJson({ key, keep, remove, reasons }: ForgetGroup): string {
  const reasonJson = reasons.map(
    ({ snapshot, matches }) => `{"snapshot":${snapshotJson(snapshot)},"matches":${encodeGoStrings(matches)}}`,
  )
  return (
    `{"tags":${listJson(key.tags)},"host":${encodeGoString(key.hostname)},"paths":${listJson(key.paths)}` +
    `,"keep":${snapshotsJson(keep)},"remove":${snapshotsJson(remove)},"reasons":[${reasonJson.join(',')}]}`
  )
}

function listJson(texts: readonly string[]): string {
  return texts.length === 0 ? 'null' : encodeGoStrings(texts)
}

function snapshotsJson(snapshots: readonly Snapshot[]): string {
  return snapshots.length === 0 ? 'null' : `[${snapshots.map(snapshotJson).join(',')}]`
}
