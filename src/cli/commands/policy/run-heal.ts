import { healAll } from '../../../procedures/heal-all.ts'
import { onRecord } from '../../../procedures/on-record.ts'
import { openInstallation } from '../../access/open-installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatBytes } from '../../output/format-bytes.ts'
import { formatCount } from '../../output/format-count.ts'
import { newRunId } from './new-run-id.ts'
import { storeEvidence } from './store-evidence.ts'
import { watching } from './watching.ts'

export async function runPolicyHeal(context: CommandContext, options: { readonly dryRun?: true }): Promise<Outcome> {
  const { output, world, signal } = context
  const isDry = options.dryRun === true
  await using opened = await openInstallation(context)
  const { installation } = opened
  await using watch = watching(context)
  const run = { id: newRunId(world.random), procedure: 'heal', trigger: 'person', source: undefined } as const
  const healed = await onRecord(installation, run, async () => {
    const answer = await healAll(installation, { dryRun: isDry }, watch, signal)
    const gaps = answer.flatMap(({ unhealed }) => unhealed.map(({ objectName, detail }) => `${objectName}: ${detail}`))
    const mended = answer.reduce((sum, one) => sum + one.mended.length, 0)
    return { answer, summary: `${isDry ? 'would mend' : 'mended'} ${formatCount(mended, 'object')}`, gaps }
  })
  // What lay at a location that was lost is put back whole, and the alarm of it is raised now and not by the next backup.
  if (!isDry) await storeEvidence(context, installation, 'all')
  await watch.end()
  for (const one of healed) {
    for (const { objectName, detail } of one.unhealed)
      output.problem({ during: 'heal', item: objectName, message: detail })
    if (output.json) {
      output.document({
        message_type: 'healed',
        dry_run: isDry,
        generation: one.generation,
        objects_examined: one.examinedObjects,
        bytes_examined: one.examinedBytes,
        [isDry ? 'to_mend' : 'mended']: one.mended,
        unhealed: one.unhealed,
      })
      continue
    }
    for (const { location, objectName, found } of one.mended) {
      output.line(`${isDry ? 'would mend' : 'mended'} ${objectName}: was ${found} at the ${location} location`)
    }
    const examined = `${formatCount(one.examinedObjects, 'object')}, ${formatBytes(one.examinedBytes)}`
    const result = one.unhealed.length > 0 ? `${one.unhealed.length} can not be mended` : 'none is left damaged'
    output.line(`generation ${one.generation}: examined ${examined}; ${one.mended.length} to mend, ${result}`)
  }
  if (healed.some(({ unhealed }) => unhealed.length > 0)) return 'damaged'
  return isDry && healed.some(({ mended }) => mended.length > 0) ? 'damaged' : 'done'
}
