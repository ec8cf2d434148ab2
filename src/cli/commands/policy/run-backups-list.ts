import { provenBackups } from '../../../model/retention.ts'
import { openInstallation } from '../../access/open-installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatBytes } from '../../output/format-bytes.ts'
import { formatCount } from '../../output/format-count.ts'
import { textTable } from '../../output/text-table.ts'

export async function runBackupsList(context: CommandContext, source: string | undefined): Promise<Outcome> {
  const { output } = context
  await using opened = await openInstallation(context)
  const { catalog } = opened.installation
  const backups = await catalog.backups(source === undefined ? {} : { source })
  const copies = Map.groupBy(await catalog.copies(), ({ backup }) => backup)
  const proofs = provenBackups(await catalog.proofs())
  const copiesOf = (id: string): string[] => (copies.get(id) ?? []).map(({ location }) => location)
  if (output.json) {
    for (const one of backups) {
      output.document({
        message_type: 'backup',
        source: one.source,
        source_kind: one.sourceKind,
        kind: one.kind,
        snapshot_id: one.id,
        generation: one.generation,
        taken_at: one.takenAt.toISOString(),
        files: one.files,
        bytes: one.bytes,
        gaps_total: one.gaps,
        copies: copiesOf(one.id),
        proven: proofs.has(one.id),
      })
    }
    return 'done'
  }
  const columns = [
    { title: 'Backup' },
    { title: 'Taken (UTC)' },
    { title: 'Source' },
    { title: 'Kind' },
    { title: 'Size', align: 'right' },
    { title: 'Gaps', align: 'right' },
    { title: 'Copies' },
    { title: 'Proven' },
  ] as const
  const rows = backups.map((one) => [
    one.id.slice(0, 8),
    one.takenAt.toISOString().slice(0, 16).replace('T', ' '),
    one.source,
    one.kind,
    formatBytes(one.bytes),
    String(one.gaps),
    copiesOf(one.id).join(', '),
    proofs.has(one.id) ? 'yes' : '',
  ])
  for (const line of textTable(columns, rows)) output.line(line)
  output.line(formatCount(backups.length, 'backup'))
  return 'done'
}
