import { rebuildCatalog } from '../../../procedures/rebuild-catalog.ts'
import { openInstallation } from '../../access/open-installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatCount } from '../../output/format-count.ts'
import { watching } from './watching.ts'

export async function runRebuild(context: CommandContext, options: { readonly partly?: true }): Promise<Outcome> {
  const { output, signal } = context
  await using opened = await openInstallation(context)
  await using watch = watching(context)
  const rebuilt = await rebuildCatalog(opened.installation, { partly: options.partly ?? false }, watch, signal)
  await watch.end()
  for (const { location, generation, detail } of rebuilt.unread) {
    output.problem({ during: 'rebuild', item: `${location} generation ${generation}`, message: detail })
  }
  for (const { location, snapshot, message } of rebuilt.faults) {
    output.problem({ during: 'rebuild', item: `${location} ${snapshot.slice(0, 8)}`, message })
  }
  if (output.json) {
    output.document({
      message_type: 'rebuilt',
      replaced: rebuilt.isReplaced,
      repositories: rebuilt.repositories,
      backups: rebuilt.backups.length,
      copies: rebuilt.copies.length,
      foreign: rebuilt.foreign,
      unread: rebuilt.unread,
      faults: rebuilt.faults,
    })
  } else {
    const found = `${formatCount(rebuilt.backups.length, 'backup')} in ${formatCount(rebuilt.repositories, 'repository', 'repositories')}`
    output.line(`found ${found}, ${formatCount(rebuilt.copies.length, 'copy', 'copies')}`)
    if (rebuilt.foreign > 0) output.line(`${formatCount(rebuilt.foreign, 'snapshot')} of others were left alone`)
    if (!rebuilt.isReplaced) output.line('the catalog is as it was: make the locations reachable, or add --partly')
  }
  if (!rebuilt.isReplaced) return 'failed'
  return rebuilt.unread.length > 0 || rebuilt.faults.length > 0 ? 'gaps' : 'done'
}
