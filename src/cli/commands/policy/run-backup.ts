import { FAILURES } from '../../../base/failure.ts'
import { runBackups } from '../../../procedures/backup/run-backups.ts'
import type { BackupsOutcome } from '../../../procedures/backup/backup-order.ts'
import { directSteps } from '../../../procedures/step-runner.ts'
import { openInstallation } from '../../access/open-installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatBytes } from '../../output/format-bytes.ts'
import { formatCount } from '../../output/format-count.ts'
import { textTable } from '../../output/text-table.ts'
import { newRunId } from './new-run-id.ts'
import { watching } from './watching.ts'

export async function runPolicyBackup(
  context: CommandContext,
  sources: readonly string[],
  options: { readonly kind?: 'full' | 'incremental' },
): Promise<Outcome> {
  await using opened = await openInstallation(context)
  const { installation } = opened
  const all = Object.keys(installation.policy.sources)
  await using watch = watching(context)
  const outcome = await runBackups(
    installation,
    {
      id: newRunId(context.world.random),
      sources: sources.length === 0 ? all : [...new Set(sources)],
      kind: options.kind,
      trigger: 'person',
      dueAt: undefined,
    },
    directSteps(context.signal),
    watch,
  )
  await watch.end()
  tellBackups(context, outcome)
  return worstOf(outcome)
}

/** What became of an order, one line a source. */
export function tellBackups({ output }: CommandContext, { sources, troubles }: BackupsOutcome): void {
  for (const one of sources) {
    if (one.state === 'failed') {
      // A source that failed does not end the command, so what its failure's code says to do is told here.
      const toDo = one.hint ?? FAILURES[one.failure].remedy
      const message = `${one.message}. ${toDo} (${one.failure})`
      output.problem({ during: 'back up', item: one.source, message })
      continue
    }
    for (const { path, reason } of one.gaps)
      output.problem({ during: `back up ${one.source}`, item: path, message: reason })
    for (const warning of one.warnings) output.notice(`${one.source}: ${warning}`)
    if (one.packsReplaced > 0) {
      const message = `${formatCount(one.packsReplaced, 'pack')} were damaged; what this backup needs of them was stored anew. Run \`heal\``
      output.problem({ during: 'back up', item: one.source, message })
    }
  }
  for (const trouble of troubles) output.problem({ during: 'after the backup', item: 'locations', message: trouble })
  if (output.json) {
    for (const one of sources) output.document(documentOf(one))
    return
  }
  const columns = [
    { title: 'Source' },
    { title: 'Kind' },
    { title: 'Backup' },
    { title: 'Size', align: 'right' },
    { title: 'Added', align: 'right' },
    { title: 'Gaps', align: 'right' },
    { title: 'Copies' },
  ] as const
  for (const line of textTable(
    columns,
    sources.map((one) => rowOf(one)),
  ))
    output.line(line)
}

type SourceLine = BackupsOutcome['sources'][number]

function rowOf(one: SourceLine): string[] {
  if (one.state === 'failed') return [one.source, 'failed', '', '', '', '', '']
  return [
    one.source,
    one.kind,
    one.snapshot.slice(0, 8),
    formatBytes(one.bytes),
    formatBytes(one.bytesAdded),
    String(one.gapsTotal),
    one.copies.join(', '),
  ]
}

function documentOf(one: SourceLine): Record<string, unknown> {
  if (one.state === 'failed') {
    const { source, failure, message, hint } = one
    return { message_type: 'backup', source, state: 'failed', failure, message, hint }
  }
  return {
    message_type: 'backup',
    source: one.source,
    state: one.gapsTotal === 0 ? 'complete' : 'partial',
    kind: one.kind,
    snapshot_id: one.snapshot,
    generation: one.generation,
    taken_at: one.takenAt,
    files: one.files,
    bytes: one.bytes,
    bytes_added: one.bytesAdded,
    gaps: one.gaps,
    gaps_total: one.gapsTotal,
    warnings: one.warnings,
    copies: one.copies,
  }
}

/** Failed where a source was not backed up; with gaps where something is missing from one, or not yet off-site. */
export function worstOf({ sources, troubles }: BackupsOutcome): Outcome {
  if (sources.some(({ state }) => state === 'failed')) return 'failed'
  const hasGaps = sources.some((one) => one.state === 'stored' && one.gapsTotal > 0)
  return hasGaps || troubles.length > 0 ? 'gaps' : 'done'
}
