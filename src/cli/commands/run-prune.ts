import type { Id } from '../../model/id.ts'
import { prune } from '../../operations/prune/prune.ts'
import type { PruneReport } from '../../operations/prune/execute-prune.ts'
import { isEmptyPlan, type PrunePlan } from '../../operations/prune/plan-prune.ts'
import type { PruneOptions } from '../../operations/prune/prune-options.ts'
import type { Repository } from '../../repository/repository.ts'
import { withRepository } from '../access/with-repository.ts'
import type { CommandContext } from '../command-entry.ts'
import { beginProgress } from '../output/begin-progress.ts'
import { formatBytes } from '../output/format-bytes.ts'
import { formatCount, groupDigits } from '../output/format-count.ts'
import { formatDuration } from '../output/format-duration.ts'
import type { Output } from '../output/output.ts'
import type { Outcome } from '../outcome.ts'

export interface PruneWish {
  readonly dryRun: boolean
  readonly options: PruneOptions
  /** Taken as removed already: for a dry run of forget. */
  readonly ignoreSnapshots?: ReadonlySet<Id>
}

const bytesOfMebibyte = 1024 * 1024

export async function runPrune(context: CommandContext, wish: PruneWish): Promise<Outcome> {
  const use = wish.dryRun ? 'read' : 'write'
  await withRepository(context, { lock: 'exclusive', use }, (repository, signal) =>
    pruneOpened(context, repository, wish, signal),
  )
  return 'done'
}

/** Prunes a repository that is open and locked exclusively, and tells what was done. */
export async function pruneOpened(
  context: CommandContext,
  repository: Repository,
  wish: PruneWish,
  signal: AbortSignal,
): Promise<void> {
  const { globals, output } = context
  await using display = beginProgress(context)
  const { plan, report } = await prune(
    { repository, ...wish },
    {
      progress: display.report,
      ...(globals.packSize !== undefined && { packBytes: globals.packSize * bytesOfMebibyte }),
    },
    signal,
  )
  await display.end()
  if (output.json) {
    const { statistics } = plan
    output.document({
      message_type: 'prune',
      dry_run: wish.dryRun,
      statistics,
      report,
      total_duration: display.seconds,
    })
  } else tellPlan(output, plan, report, display.seconds)
}

function tellPlan(output: Output, plan: PrunePlan, report: PruneReport | undefined, seconds: number): void {
  const { blobs, bytes, packs } = plan.statistics
  output.line(`used:         ${amount(blobs.used, bytes.used)}`)
  if (blobs.duplicate > 0) output.line(`duplicates:   ${amount(blobs.duplicate, bytes.duplicate)}`)
  output.line(`unused:       ${amount(blobs.unused, bytes.unused)}`)
  if (bytes.unreferenced > 0) output.line(`in no index:  ${' '.repeat(20)}${formatBytes(bytes.unreferenced)}`)
  output.line(`to rewrite:   ${amount(blobs.repack, bytes.repack)}`)
  output.line(`  that frees: ${amount(blobs.repackRemove, bytes.repackRemove)}`)
  output.line(`to remove:    ${amount(blobs.remove, bytes.remove + bytes.unreferenced)}`)
  output.line(`frees in all: ${amount(blobs.removeTotal, bytes.removeTotal)}`)
  output.line(`remaining:    ${amount(blobs.remaining, bytes.remaining)}`)
  output.line(`unused data that stays: ${formatBytes(bytes.remainingUnused)}`)
  output.line('')
  if (report === undefined) {
    const changes = `rewrite ${formatCount(packs.repack, 'pack')} and remove ${formatCount(packs.removeTotal, 'pack')}`
    output.line(isEmptyPlan(plan) ? 'nothing would be done' : `would ${changes}`)
    return
  }
  if (isEmptyPlan(plan)) output.line('nothing to do')
  else {
    const written = `wrote ${formatCount(report.writtenPacks, 'pack')}`
    output.line(`${written}, removed ${formatCount(report.removedPacks, 'pack')} in ${formatDuration(seconds)}`)
  }
}

function amount(blobs: number, bytes: number): string {
  return `${groupDigits(blobs).padStart(12)} blobs  ${formatBytes(bytes)}`
}
