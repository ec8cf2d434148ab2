import { loadIndexFiles } from '../../operations/load-index-files.ts'
import { mirror, type MirrorReport } from '../../operations/mirror/mirror.ts'
import { packObjectName } from '../../repository/object-kind.ts'
import { Repository } from '../../repository/repository.ts'
import { whileLocked } from '../../repository/while-locked.ts'
import type { Storage } from '../../storage/storage.ts'
import { lockCopy, openEither } from '../access/open-pair.ts'
import { openPlace } from '../access/open-place.ts'
import { repositoryPlace } from '../access/place.ts'
import type { CommandContext } from '../command-entry.ts'
import { beginProgress } from '../output/begin-progress.ts'
import { formatBytes } from '../output/format-bytes.ts'
import { formatCount } from '../output/format-count.ts'
import { formatDuration } from '../output/format-duration.ts'
import type { Outcome } from '../outcome.ts'

export interface MirrorOptions {
  readonly to: string
  readonly delete?: true
  readonly verify?: true
  readonly dryRun?: true
}

export async function runMirror(context: CommandContext, options: MirrorOptions): Promise<Outcome> {
  const { globals, output } = context
  const isDry = options.dryRun === true
  const place = await repositoryPlace(globals, context.signal)
  await using opened = new AsyncDisposableStack()
  const source = await openPlace(place, { open: 'existing', use: globals.lock ? 'write' : 'read' }, context)
  opened.defer(() => source.close())
  const target = await openPlace(options.to, { open: isDry ? 'existing' : 'create', use: 'write' }, context)
  opened.defer(() => target.close())

  const signals = [context.signal]
  let guarded = target
  const repository = globals.lock ? await openEither({ here: source, there: target }, context) : undefined
  if (repository === undefined) {
    output.notice('no lock is taken: nobody may remove data from either copy meanwhile', 'verbose')
  } else {
    signals.push(opened.use(await lockCopy(source, repository, 'shared', context)).signal)
    // A place where no repository is yet has nobody who could work in it.
    if ((await target.size('config', context.signal)) !== undefined) {
      const kind = options.delete === true ? 'exclusive' : 'shared'
      const lock = opened.use(await lockCopy(target, repository, kind, context))
      signals.push(lock.signal)
      guarded = whileLocked(target, lock)
    }
  }
  const display = opened.use(beginProgress(context))
  const report = await mirror(
    {
      source,
      target: guarded,
      surplus: options.delete === true ? 'remove' : 'keep',
      verify: options.verify === true ? 'all' : 'copied',
      dryRun: isDry,
      ...(repository !== undefined && { namedPacks: (stop) => packsNamedIn(source, repository, stop) }),
    },
    { progress: display.report },
    AbortSignal.any(signals),
  )
  await display.end()
  tell(context, report, { isDry, seconds: display.seconds })
  return report.faults.length === 0 ? 'done' : 'damaged'
}

/** The packs that the indexes in this copy name. Failure `repository_damaged` where one of them can not be read. */
async function packsNamedIn(storage: Storage, opened: Repository, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const { config, key, keyId, random } = opened
  const indexes = await loadIndexFiles(new Repository({ storage, config, key, keyId, random }), {}, signal)
  return new Set(indexes.flatMap(({ packs }) => packs.map(({ id }) => packObjectName(id))))
}

function tell(
  { output }: CommandContext,
  report: MirrorReport,
  { isDry, seconds }: { readonly isDry: boolean; readonly seconds: number },
): void {
  for (const { side, objectName, state, detail } of report.faults) {
    const copy = side === 'source' ? 'repository' : 'second place'
    output.problem({ during: 'mirror', item: objectName, message: `${state} in the ${copy}: ${detail}` })
  }
  const { plan } = report
  const planned = plan.copy.reduce((sum, { size }) => sum + size, 0)
  if (output.json) {
    output.document({
      message_type: 'summary',
      dry_run: isDry,
      objects_to_copy: plan.copy.length,
      bytes_to_copy: planned,
      objects_to_remove: plan.remove.length,
      objects_copied: report.copiedObjects,
      bytes_copied: report.copiedBytes,
      objects_mended: report.mendedObjects,
      objects_removed: report.removedObjects,
      objects_verified: report.verifiedObjects,
      objects_only_there: plan.surplus.length,
      faults: report.faults,
      total_duration: seconds,
    })
    return
  }
  if (isDry) {
    output.line(`would copy ${formatCount(plan.copy.length, 'object')}, ${formatBytes(planned)}`)
    if (plan.differing.length > 0) output.line(`would mend ${formatCount(plan.differing.length, 'object')}`)
    if (plan.remove.length > 0) output.line(`would remove ${formatCount(plan.remove.length, 'object')}`)
  } else {
    const copied = formatCount(report.copiedObjects, 'object')
    output.line(`copied ${copied}, ${formatBytes(report.copiedBytes)} in ${formatDuration(seconds)}`)
    if (report.mendedObjects > 0) output.line(`mended ${formatCount(report.mendedObjects, 'object')}`)
    if (report.removedObjects > 0) output.line(`removed ${formatCount(report.removedObjects, 'object')}`)
    if (report.removedObjects < plan.remove.length)
      output.line('removed nothing: what the repository has lost may be needed from the second place')
  }
  if (report.verifiedObjects > 0) output.line(`verified ${formatCount(report.verifiedObjects, 'object')} by name`)
  if (plan.surplus.length > 0) {
    output.line(`${formatCount(plan.surplus.length, 'object')} only at the second place: --delete removes them`)
  }
  if (report.faults.length > 0) output.line(`${formatCount(report.faults.length, 'object')} damaged: run heal`)
}
