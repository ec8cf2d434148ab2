import { workersOfCores } from '../../base/worker-count.ts'
import { check } from '../../operations/check/check.ts'
import { type CheckReport, type Finding, findingKinds } from '../../operations/check/check-report.ts'
import { earlyCheckThreads } from '../../operations/check/read-packs.ts'
import { type ReadChoice, rotatingPart } from '../../operations/check/read-choice.ts'
import { openPlace } from '../access/open-place.ts'
import { withRepository } from '../access/with-repository.ts'
import type { CommandContext } from '../command-entry.ts'
import { beginProgress } from '../output/begin-progress.ts'
import { formatBytes } from '../output/format-bytes.ts'
import { formatCount } from '../output/format-count.ts'
import { formatDuration } from '../output/format-duration.ts'
import type { Outcome } from '../outcome.ts'

export interface CheckOptions {
  readonly readData?: true | undefined
  readonly readDataSubset?: ReadChoice | undefined
  readonly readDataRotate?: number | undefined
  readonly mirror?: string | undefined
  readonly workers?: number | undefined
}

export async function runCheck(context: CommandContext, options: CheckOptions): Promise<Outcome> {
  const { world } = context
  const read = readChoice(options, world.clock.now())
  const workers = options.workers ?? workersOfCores()
  // The threads start while the repository is opened: checking a password takes longer.
  await using early = read === 'none' ? undefined : earlyCheckThreads(workers)
  return await withRepository(context, { lock: 'exclusive', use: 'read' }, async (repository, signal) => {
    await using opened = new AsyncDisposableStack()
    const mirror =
      options.mirror === undefined
        ? undefined
        : await openPlace(options.mirror, { open: 'existing', use: 'read' }, context)
    if (mirror !== undefined) opened.defer(() => mirror.close())
    const display = opened.use(beginProgress(context))
    const report = await check(
      {
        repository,
        read,
        workers,
        ...(early !== undefined && { early }),
        ...(mirror !== undefined && { mirror }),
      },
      { progress: display.report, random: world.random },
      signal,
    )
    await display.end()
    tell(context, report, display.seconds)
    return report.faults.length === 0 ? 'done' : 'damaged'
  })
}

function readChoice(options: CheckOptions, now: Date): ReadChoice {
  if (options.readData === true) return 'all'
  if (options.readDataRotate !== undefined) return rotatingPart(options.readDataRotate, now)
  return options.readDataSubset ?? 'none'
}

function tell({ output }: CommandContext, report: CheckReport, seconds: number): void {
  const { faults, hints, omitted, counts } = report
  for (const finding of faults) {
    output.problem({ during: 'check', item: finding.objectName, message: findingText(finding) })
  }
  for (const finding of hints) output.notice(`hint: ${finding.objectName}: ${findingText(finding)}`, 'verbose')
  if (output.json) {
    output.document({
      message_type: 'summary',
      num_errors: faults.length,
      broken_packs: faults.filter(({ kind }) => kind.startsWith('pack_')).map(({ objectName }) => objectName),
      suggest_repair_index: faults.some(({ kind }) => kind.startsWith('index_')),
      suggest_prune: hints.length > 0,
      faults,
      hints,
      omitted,
      counts,
      total_duration: seconds,
    })
    return
  }
  const objects = [
    formatCount(counts.snapshots, 'snapshot'),
    formatCount(counts.trees, 'tree'),
    formatCount(counts.indexes, 'index', 'indexes'),
    `${formatCount(counts.packs, 'pack')} of ${formatBytes(counts.packBytes)}`,
  ]
  output.line(`checked ${objects.join(', ')} in ${formatDuration(seconds)}`)
  output.line(
    counts.readPacks === 0
      ? 'no pack was read: --read-data reads all'
      : `read ${formatCount(counts.readPacks, 'pack')}, ${formatBytes(counts.readBytes)}`,
  )
  if (counts.unusedBlobs > 0) {
    output.line(
      `${formatCount(counts.unusedBlobs, 'blob')} of ${formatBytes(counts.unusedBytes)} unused: prune removes them`,
    )
  }
  if (omitted > 0) output.line(`${formatCount(omitted, 'finding')} more not shown`)
  for (const [kind, some] of Map.groupBy(hints, (hint) => hint.kind)) {
    output.line(`hint: ${formatCount(some.length, kind, kind)}. ${findingKinds[kind].remedy}`)
  }
  output.line(
    faults.length === 0 ? 'no damage was found' : `${formatCount(faults.length, 'fault')}: see above what to do`,
  )
}

function findingText({ kind, detail }: Finding): string {
  return `${kind}: ${detail}. ${findingKinds[kind].remedy}`
}
