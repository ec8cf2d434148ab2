import { isFailure, Failure } from '../../base/failure.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import { connectPostgresql } from '../../sources/postgresql/connection.ts'
import { installedServers } from '../../sources/postgresql/installed-servers.ts'
import { startSandbox } from '../../sources/postgresql/sandbox.ts'
import { verifyIdleServer } from '../../sources/postgresql/verify-idle-server.ts'
import { readDumpFacts } from '../postgresql/read-dump-facts.ts'
import { serverUser, superuserOf } from '../postgresql/server-user.ts'
import { differencesOf } from '../postgresql/start-backup-sandbox.ts'
import type { RestoredCopy, TestEnvironment } from './test-environment.ts'

/**
 * A private server on a restored data folder, which is gone when the environment is disposed of, or with this process. Failure
 * `unsupported` for dumps, and where no server of the version is installed.
 */
export async function openServerEnvironment(
  { installation, opened, source, folder }: RestoredCopy,
  manifest: PostgresqlManifest,
): Promise<TestEnvironment> {
  const { programs, clock } = installation
  const { signal } = opened
  if ((await readDumpFacts(opened)) !== undefined) {
    throw new Failure('unsupported', `Cannot test backup "${opened.snapshot.id.slice(0, 8)}": it holds dumps`)
  }
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
  let arePagesRead = false
  return {
    compare: async () => {
      const order = { source, amcheck: 'where installed' } as const
      // Once, before anybody works in the server: then nothing is written while they are read.
      const faults = arePagesRead ? [] : await verifyIdleServer(url, folder, signal)
      arePagesRead = true
      return [...faults, ...(await differencesOf(installation, order, { sandbox, manifest }, signal))]
    },
    damage: () => damageServer(url, manifest, signal),
    [Symbol.asyncDispose]: () => sandbox.stop(),
  }
}

/** Removes a row of the first table that has one and lets it go; where there is none, adds a table. */
async function damageServer(url: string, { databases }: PostgresqlManifest, signal: AbortSignal): Promise<string> {
  for (const { name: database, tables } of databases) {
    await using sql = await connectPostgresql({ url }, { kind: 'sql', database }, signal)
    for (const { name, rows, sampled } of tables) {
      if (rows === 0 || sampled !== undefined) continue // What a sample leaves out, no comparison finds.
      try {
        await sql.query(`DELETE FROM ${name} WHERE ctid = (SELECT ctid FROM ${name} LIMIT 1)`)
        return `a row of table ${name} of database ${database} was removed`
      } catch (error) {
        if (!isFailure(error)) throw error // A view, or a trigger that refuses: another table is taken.
      }
    }
  }
  const database = databases[0]?.name ?? 'postgres'
  await using sql = await connectPostgresql({ url }, { kind: 'sql', database }, signal)
  await sql.query(`CREATE TABLE IF NOT EXISTS zakops_negative_control ()`)
  return `a table was added to database ${database}`
}
