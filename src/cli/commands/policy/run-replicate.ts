import { Failure } from '../../../base/failure.ts'
import { replicateAll } from '../../../procedures/replicate-all.ts'
import { onRecord } from '../../../procedures/on-record.ts'
import { openInstallation } from '../../access/open-installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatBytes } from '../../output/format-bytes.ts'
import { formatCount } from '../../output/format-count.ts'
import { newRunId } from './new-run-id.ts'
import { storeEvidence } from './store-evidence.ts'
import { watching } from './watching.ts'

export async function runReplicate(context: CommandContext, options: { readonly fillEmpty?: true }): Promise<Outcome> {
  const { output, world, signal } = context
  await using opened = await openInstallation(context)
  const { installation } = opened
  if (!installation.locations.names.includes('secondary')) {
    const { environment } = installation.policy
    throw new Failure('usage', `Cannot replicate: the policy has no secondary location for ${environment}`)
  }
  await using watch = watching(context)
  const run = { id: newRunId(world.random), procedure: 'replicate', trigger: 'person', source: undefined } as const
  const generations = await onRecord(installation, run, async () => {
    const done = await replicateAll(
      installation,
      { fillEmpty: options.fillEmpty ?? false, removed: new Set() },
      watch,
      signal,
    )
    const gaps = done.flatMap(({ troubles }) => troubles)
    return { answer: done, summary: `copied ${done.reduce((sum, one) => sum + one.copiedObjects, 0)} objects`, gaps }
  })
  await watch.end()
  await storeEvidence(context, installation, 'newest')
  for (const one of generations) {
    for (const trouble of one.troubles)
      output.problem({ during: 'replicate', item: `generation ${one.generation}`, message: trouble })
    if (output.json) {
      output.document({
        message_type: 'replicated',
        generation: one.generation,
        objects_copied: one.copiedObjects,
        bytes_copied: one.copiedBytes,
        objects_verified: one.verifiedObjects,
        troubles: one.troubles,
      })
      continue
    }
    const copied = `${formatCount(one.copiedObjects, 'object')}, ${formatBytes(one.copiedBytes)}`
    output.line(
      `generation ${one.generation}: copied ${copied}; read back ${formatCount(one.verifiedObjects, 'object')}`,
    )
  }
  return generations.some(({ troubles }) => troubles.length > 0) ? 'gaps' : 'done'
}
