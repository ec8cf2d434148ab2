import { resolve } from 'node:path'
import type { LocationName } from '../../../model/policy/policy.ts'
import { onRecord } from '../../../procedures/on-record.ts'
import { type RestoredSource, restoreSource } from '../../../procedures/restore/restore-source.ts'
import { openInstallation } from '../../access/open-installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatBytes } from '../../output/format-bytes.ts'
import { formatCount } from '../../output/format-count.ts'
import { formatDuration } from '../../output/format-duration.ts'
import { newRunId } from './new-run-id.ts'
import { watching } from './watching.ts'

export async function runPolicyRestore(
  context: CommandContext,
  wanted: { readonly source: string; readonly backup: string; readonly to: string; readonly location?: LocationName },
): Promise<Outcome> {
  const { world, signal } = context
  await using opened = await openInstallation(context)
  const { installation } = opened
  await using watch = watching(context)
  const id = newRunId(world.random)
  const { source, backup, location } = wanted
  const order = { run: id, source, backup, location, target: resolve(world.workingDirectory, wanted.to) }
  const run = { id, procedure: 'restore', trigger: 'person', source } as const
  const restored = await onRecord(installation, run, async () => {
    const answer = await restoreSource(installation, order, watch, signal)
    const summary = `${answer.backup.slice(0, 8)} from the ${answer.location} location: ${answer.outcome}`
    return { answer, summary, gaps: answer.outcome === 'different' ? answer.differences : [] }
  })
  await watch.end()
  tell(context, restored)
  return restored.outcome === 'different' ? 'damaged' : 'done'
}

function tell({ output }: CommandContext, restored: RestoredSource): void {
  for (const difference of restored.differences) {
    output.problem({ during: 'restore', item: restored.source, message: difference })
  }
  if (output.json) {
    output.document({
      message_type: 'restored',
      source: restored.source,
      snapshot_id: restored.backup,
      location: restored.location,
      generation: restored.generation,
      target: restored.target,
      files: restored.files,
      bytes: restored.bytes,
      manifest: restored.outcome,
      differences: restored.differences,
      total_duration: restored.durationMs / 1000,
    })
    return
  }
  const what = `${formatCount(restored.files, 'file')}, ${formatBytes(restored.bytes)}`
  output.line(
    `restored ${restored.source} ${restored.backup.slice(0, 8)} from the ${restored.location} location to ` +
      `${restored.target}: ${what} in ${formatDuration(restored.durationMs / 1000)}`,
  )
  output.line(outcomeLines[restored.outcome])
}

const outcomeLines = {
  equal: 'proven: what was restored is what was in the source when it was backed up',
  different: 'NOT PROVEN: it differs from what was backed up, see above',
  'not compared': 'every file was read back and is what was stored; it was not compared with a manifest',
} as const
