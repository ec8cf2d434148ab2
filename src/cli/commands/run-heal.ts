import { heal, type HealReport } from '../../operations/heal/heal.ts'
import { configProof } from '../../operations/heal/config-proof.ts'
import { lockCopy, openEither } from '../access/open-pair.ts'
import { openPlace } from '../access/open-place.ts'
import { repositoryPlace } from '../access/place.ts'
import type { CommandContext } from '../command-entry.ts'
import { beginProgress } from '../output/begin-progress.ts'
import { formatBytes } from '../output/format-bytes.ts'
import { formatCount } from '../output/format-count.ts'
import { formatDuration } from '../output/format-duration.ts'
import type { Outcome } from '../outcome.ts'

export interface HealOptions {
  readonly from: string
  readonly both?: true
  readonly leaveAbsent?: true
  readonly object?: readonly string[]
  readonly dryRun?: true
}

export async function runHeal(context: CommandContext, options: HealOptions): Promise<Outcome> {
  const { globals, output } = context
  const isDry = options.dryRun === true
  const isBoth = options.both === true
  const place = await repositoryPlace(globals, context.signal)
  await using opened = new AsyncDisposableStack()
  const storage = await openPlace(place, { open: 'existing', use: 'write' }, context)
  opened.defer(() => storage.close())
  const mirror = await openPlace(options.from, { open: 'existing', use: isBoth ? 'write' : 'read' }, context)
  opened.defer(() => mirror.close())

  const signals = [context.signal]
  const repository = await openEither({ here: storage, there: mirror }, context)
  if (repository === undefined) {
    output.notice('without a password the config can not be proven, and no lock is taken', 'verbose')
  } else if (globals.lock) {
    signals.push(opened.use(await lockCopy(storage, repository, 'exclusive', context)).signal)
    if (isBoth) signals.push(opened.use(await lockCopy(mirror, repository, 'exclusive', context)).signal)
  }
  const display = opened.use(beginProgress(context))
  const report = await heal(
    {
      storage,
      mirror,
      absent: options.leaveAbsent === true ? 'leave' : 'restore',
      sides: isBoth ? 'both' : 'here',
      dryRun: isDry,
      ...(options.object !== undefined && { suspects: options.object }),
      ...(repository !== undefined && { proveConfig: configProof(repository.key) }),
    },
    { progress: display.report },
    AbortSignal.any(signals),
  )
  await display.end()
  tell(context, report, { isDry, seconds: display.seconds })
  const isWhole = report.unhealed.length === 0 && (!isDry || report.plan.mend.length === 0)
  return isWhole ? 'done' : 'damaged'
}

function tell(
  { output }: CommandContext,
  report: HealReport,
  { isDry, seconds }: { readonly isDry: boolean; readonly seconds: number },
): void {
  for (const { objectName, detail } of report.unhealed) {
    output.problem({ during: 'heal', item: objectName, message: detail })
  }
  const mendings = isDry ? report.plan.mend : report.mended
  if (output.json) {
    output.document({
      message_type: 'summary',
      dry_run: isDry,
      objects_examined: report.examinedObjects,
      bytes_examined: report.examinedBytes,
      [isDry ? 'to_mend' : 'mended']: mendings,
      unhealed: report.unhealed,
      total_duration: seconds,
    })
    return
  }
  for (const { objectName, side, found } of mendings) {
    const copy = side === 'here' ? 'the repository' : 'the other copy'
    output.line(`${isDry ? 'would mend' : 'mended'} ${objectName}: was ${found} in ${copy}`)
  }
  const examined = `${formatCount(report.examinedObjects, 'object')}, ${formatBytes(report.examinedBytes)}`
  output.line(`examined ${examined} in ${formatDuration(seconds)}`)
  const damaged = mendings.length + report.unhealed.length
  if (damaged === 0) output.line('everything is as its name says')
  else {
    const left = report.unhealed.length === 0 ? 'none is left damaged' : `${report.unhealed.length} can not be mended`
    output.line(`${isDry ? 'would mend' : 'mended'} ${formatCount(mendings.length, 'object')}, ${left}`)
  }
}
