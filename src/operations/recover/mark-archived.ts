import { chown, mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { User } from '../../posix/user-named.ts'
import { historyName, parseWalName } from '../../sources/postgresql/wal-name.ts'

/**
 * Makes a cluster that was promoted on a private server, where nothing is archived, fit to archive from its next start on. The
 * file that says where its timeline begins is due to be archived, since without it nothing recovers along that timeline. The
 * segments that came with the backup are not: the last of them ends in the middle, and would be taken for another one of the same
 * name. May be run twice; no server has the folder in use.
 */
export async function markArchived(dataFolder: string, timeline: number, owner: User | undefined): Promise<void> {
  const folder = join(dataFolder, 'pg_wal/archive_status')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const names = await readdir(join(dataFolder, 'pg_wal'))
  const marks = names.flatMap((name) => {
    const wal = parseWalName(name)
    if (wal === undefined || wal.kind === 'label') return []
    if (wal.timeline !== timeline) return [`${name}.done`]
    return name === historyName(timeline) ? [`${name}.ready`] : []
  })
  const known = new Set(await readdir(folder))
  for (const mark of marks) {
    if (known.has(mark)) continue
    await writeFile(join(folder, mark), '', { mode: 0o600 })
    if (owner !== undefined) await chown(join(folder, mark), owner.uid, owner.gid)
  }
  if (owner !== undefined) await chown(folder, owner.uid, owner.gid)
}
