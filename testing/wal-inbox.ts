import { mkdirSync, chownSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { neverStopped } from '../src/base/abort.ts'
import type { WalArchive } from '../src/operations/wal/wal-archive.ts'
import { walPush } from '../src/operations/wal/wal-push.ts'
import type { PostgresqlServer } from './postgresql-server.ts'

/** Settings by which a server archives into a folder of its own, without a program to start for each segment. */
export const inboxSettings = {
  archive_mode: 'on',
  archive_command: 'mkdir -p inbox && cp "%p" "inbox/%f.new" && mv "inbox/%f.new" "inbox/%f"',
} as const

/** Closes the segment that is written, waits until the server has archived it, and stores everything. */
export async function storeInbox(server: PostgresqlServer, archive: WalArchive): Promise<void> {
  const name = await server.psql('select pg_walfile_name(pg_current_wal_lsn()) from (select txid_current()) x')
  await server.psql('select pg_switch_wal()')
  const inbox = join(server.dataFolder, 'inbox')
  while (!(await server.psql('select last_archived_wal from pg_stat_archiver')).includes(name)) await sleep(20)
  for (const file of readdirSync(inbox).toSorted()) {
    if (file.endsWith('.new')) continue
    await walPush({ archive, path: join(inbox, file) }, neverStopped())
    rmSync(join(inbox, file))
  }
}

export function makeInbox(server: PostgresqlServer): void {
  const inbox = join(server.dataFolder, 'inbox')
  mkdirSync(inbox, { recursive: true })
  if (process.getuid!() === 0) chownSync(inbox, server.owner.uid, server.owner.gid)
}
