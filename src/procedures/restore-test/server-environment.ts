import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import { awaitUnusedDataFolder } from '../../sources/postgresql/data-folder-users.ts'
import { installedServers } from '../../sources/postgresql/installed-servers.ts'
import { startSandbox } from '../../sources/postgresql/sandbox.ts'
import { verifyServerPages } from '../../sources/postgresql/verify-server-pages.ts'
import { askRestoredServer } from '../postgresql/ask-restored-server.ts'
import { requirePostgresql } from '../postgresql/physical-backups.ts'
import { readDumpFacts } from '../postgresql/read-dump-facts.ts'
import { serverUser, superuserOf } from '../postgresql/server-user.ts'
import { differencesOf, manifestDifferences } from '../postgresql/start-backup-sandbox.ts'
import { damageServer, type ServerDamage } from './damage-server.ts'
import { onlyTable } from './only-table.ts'
import { openDumpEnvironment } from './dump-environment.ts'
import type { RestoredCopy, TestEnvironment } from './test-environment.ts'

/**
 * A private server on a restored data folder, or for dumps an empty one into which they are restored. It is gone when the
 * environment is disposed of, or with this process. Failure `unsupported` where no server of the version is installed.
 */
export async function openServerEnvironment(
  copy: RestoredCopy,
  manifest: PostgresqlManifest,
): Promise<TestEnvironment> {
  const { installation, opened, source, folder } = copy
  const { programs, clock } = installation
  const { signal } = opened
  const dump = await readDumpFacts(opened)
  if (dump !== undefined) return await openDumpEnvironment(copy, manifest, dump)
  // A try that was killed may have left a server, which ends now; one that was killed itself leaves its mark.
  await awaitUnusedDataFolder(folder, clock, signal)
  await rm(join(folder, 'postmaster.pid'), { force: true })
  const role = superuserOf(manifest)
  const sandbox = await startSandbox(
    {
      dataFolder: folder,
      servers: await installedServers(programs, signal),
      owner: serverUser(installation, undefined),
      parentFolder: programs.sharedFolder,
      lifetime: 'caller',
      searchPath: programs.searchPath,
      ...(role !== undefined && { role }),
    },
    clock,
    signal,
  )
  const { url } = sandbox
  let damage: ServerDamage | undefined
  return {
    compare: async (what) => {
      const table = what === 'damaged' ? damage?.table : undefined
      if (table !== undefined) {
        const only = onlyTable(manifest, table)
        const databases = [{ name: table.database, as: table.database }]
        return await manifestDifferences({ url }, { like: only, others: 'ignore', databases }, signal)
      }
      const order = { source, amcheck: 'where installed' } as const
      return await verifyServerPages({ url, dataFolder: folder }, signal, () =>
        differencesOf(installation, order, { sandbox, manifest }, signal),
      )
    },
    damage: async () => {
      damage = await damageServer({ url, databases: manifest.databases }, signal)
      return damage.told
    },
    ask: askRestoredServer(requirePostgresql(installation, source), { url }),
    [Symbol.asyncDispose]: () => sandbox.stop(),
  }
}
