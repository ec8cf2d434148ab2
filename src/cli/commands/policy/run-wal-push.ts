import { resolve } from 'node:path'
import { walPush } from '../../../operations/wal/wal-push.ts'
import { noteStoredWal } from '../../../procedures/postgresql/wal-stands.ts'
import { openWalArchive } from '../../../procedures/postgresql/open-wal-archive.ts'
import { requirePostgresql } from '../../../procedures/postgresql/physical-backups.ts'
import { openInstallation } from '../../access/open-installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { onlyPostgresql } from './only-postgresql.ts'

/** What archive_command calls. */
export async function runWalPush(context: CommandContext, path: string, named: string | undefined): Promise<Outcome> {
  const { world, output, signal } = context
  await using opened = await openInstallation(context)
  const { installation } = opened
  const source = onlyPostgresql(installation.policy, named)
  requirePostgresql(installation, source)
  const watch = { notice: (text: string): void => output.notice(text, 'verbose') }
  await using stored = await openWalArchive(installation, { source, use: 'store' }, watch, signal)
  const absolute = resolve(world.workingDirectory, path)
  const { state, piece } = await walPush({ archive: stored.archive, path: absolute }, signal)
  if (piece !== undefined) await noteStoredWal(installation, source, piece, watch)
  if (output.json) output.document({ message_type: 'wal_pushed', source, path: absolute, state })
  return 'done'
}
