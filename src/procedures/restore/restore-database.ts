import { join } from 'node:path'
import { isFailure } from '../../base/failure.ts'
import { restoreSqlite } from '../../operations/sqlite/restore-sqlite.ts'
import type { RestoredContent, RestoreJob } from './restore-source.ts'

/** Restores a SQLite database into the target folder under its own name; it is proven before it stands there. */
export async function restoreDatabase({ installation, opened, order, watch }: RestoreJob): Promise<RestoredContent> {
  const { repository, snapshot, signal } = opened
  const name = snapshot.paths[0]!.split('/').at(-1)!
  const run = order.run.replaceAll(/[^A-Za-z0-9-]/g, '-')
  try {
    const { bytes, proveMs } = await restoreSqlite(
      { repository, snapshot, path: join(order.target, name), run, whileOpen: 'refuse', old: 'keep' },
      { clock: installation.clock, progress: watch.progress, threads: installation.threads },
      signal,
    )
    return { files: 1, bytes, outcome: 'equal', differences: [], verifyMs: proveMs }
  } catch (error) {
    if (!isFailure(error, 'not_proven')) throw error
    return { files: 1, bytes: 0, outcome: 'different', differences: [error.message], verifyMs: 0 }
  }
}
