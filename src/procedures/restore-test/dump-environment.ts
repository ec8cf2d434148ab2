import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, isFailure } from '../../base/failure.ts'
import { comparePostgresqlManifests } from '../../model/compare-postgresql-manifests.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import type { PostgresqlDump } from '../../model/postgresql-dump.ts'
import { restorePostgresqlDump } from '../../operations/dump-postgresql/restore-dump.ts'
import { connectPostgresql } from '../../sources/postgresql/connection.ts'
import { installedServers, type InstalledServer } from '../../sources/postgresql/installed-servers.ts'
import { makeCluster } from '../../sources/postgresql/make-cluster.ts'
import { type Sandbox, startSandbox } from '../../sources/postgresql/sandbox.ts'
import { sqlStatements } from '../../sources/postgresql/sql-statements.ts'
import { takePostgresqlManifest } from '../../sources/postgresql/take-manifest.ts'
import { clientPrograms } from '../backup/back-up-postgresql-source.ts'
import { serverUser, superuserOf } from '../postgresql/server-user.ts'
import { askRestoredServer, failedServerAssertions } from '../postgresql/ask-restored-server.ts'
import { requirePostgresql } from '../postgresql/physical-backups.ts'
import { damageServer, type ServerDamage } from './damage-server.ts'
import { onlyTable } from './only-table.ts'
import type { RestoredCopy, TestEnvironment } from './test-environment.ts'

const jobs = 2

/**
 * A new private server into which restored dumps are put: the roles, then each database under a name of its own. Tablespaces
 * are left out, since their folders are those of production. It is gone when the environment is disposed of.
 */
export async function openDumpEnvironment(
  copy: RestoredCopy,
  manifest: PostgresqlManifest,
  dump: PostgresqlDump,
): Promise<TestEnvironment> {
  const { installation, opened, source } = copy
  const { signal } = opened
  const { clock } = installation
  const cluster = await startEmpty(copy, manifest, dump)
  const { url } = cluster.sandbox
  const databases = dump.databases.map(({ name }, at) => ({ name: `restored_${at + 1}`, as: name }))
  const programs = await clientPrograms(installation, signal)
  try {
    await makeRoles(url, await readFile(join(copy.folder, 'globals.sql'), 'utf8'), signal)
    for (const [at, database] of dump.databases.entries()) {
      const where = { folder: copy.folder, connection: { url, clock }, newName: databases[at]!.name, clock } as const
      await restorePostgresqlDump({ ...programs, ...where, database, jobs, tablespaces: 'default' }, signal)
    }
  } catch (error) {
    await cluster.end()
    // What the dump could not be restored for is what a test is to find.
    if (!isFailure(error, 'command_failed') && !isFailure(error, 'database_unreadable')) throw error
    return brokenEnvironment(error.message)
  }
  const expected = {
    ...manifest,
    databases: manifest.databases.filter(({ name }) => databases.some(({ as }) => as === name)),
  }
  const renamed = expected.databases.map((one) => ({ ...one, name: databases.find(({ as }) => as === one.name)!.name }))
  let damage: ServerDamage | undefined
  return {
    compare: async (what) => {
      const table = what === 'damaged' ? damage?.table : undefined
      const name = databases.find((one) => one.name === table?.database)?.as
      const isPart = table !== undefined && name !== undefined
      const like = isPart ? onlyTable(expected, { database: name, name: table.name }) : expected
      const some = isPart ? databases.filter(({ as }) => as === name) : databases
      const reading = { like, databases: some, ...(isPart && { others: 'ignore' as const }) }
      const found = await takePostgresqlManifest({ url }, reading, signal)
      const differences = comparePostgresqlManifests(like, found).map(
        ({ what: which, expected: wanted, found: is }) => `${which}: found ${is}, expected ${wanted}`,
      )
      if (isPart) return differences
      return [...differences, ...(await failedServerAssertions(installation, { source, url, databases }, signal))]
    },
    damage: async () => {
      damage = await damageServer({ url, databases: renamed }, signal)
      return damage.told
    },
    ask: askRestoredServer(requirePostgresql(installation, source), { url, databases }),
    [Symbol.asyncDispose]: cluster.end,
  }
}

/** Nothing to compare with: the one difference is why. */
function brokenEnvironment(why: string): TestEnvironment {
  return {
    compare: async () => [`the dump can not be restored: ${why}`],
    damage: async () => 'nothing was damaged: there is nothing',
    [Symbol.asyncDispose]: async () => {},
  }
}

async function startEmpty(
  { installation, opened, folder }: RestoredCopy,
  manifest: PostgresqlManifest,
  { serverVersion }: PostgresqlDump,
): Promise<{ readonly sandbox: Sandbox; readonly end: () => Promise<void> }> {
  const { programs, clock } = installation
  const { signal } = opened
  const server = fittingServer(await installedServers(programs, signal), Math.floor(serverVersion / 10_000))
  const owner = serverUser(installation, undefined)
  const superuser = superuserOf(manifest) ?? 'postgres'
  const dataFolder = `${folder}-server`
  const remove = (): Promise<void> => rm(dataFolder, { recursive: true, force: true })
  await remove() // Left by the same step, which was killed.
  try {
    const { searchPath } = programs
    await makeCluster({ ...server, dataFolder, owner, superuser, searchPath }, signal)
    const places = { dataFolder, owner, parentFolder: programs.sharedFolder, searchPath }
    const sandbox = await startSandbox(
      { ...places, servers: [server], lifetime: 'caller', role: superuser },
      clock,
      signal,
    )
    const end = async (): Promise<void> => {
      await sandbox.stop()
      await remove()
    }
    return { sandbox, end }
  } catch (error) {
    await remove()
    throw error
  }
}

/** The oldest that is not older than the server of the dump. */
function fittingServer(servers: readonly InstalledServer[], major: number): InstalledServer {
  const fitting = servers.filter((server) => server.major >= major).toSorted((a, b) => a.major - b.major)
  const [first] = fitting
  if (first !== undefined) return first
  const found = servers.map(({ version }) => version).join(', ') || 'none'
  throw new Failure(
    'unsupported',
    `Cannot test a dump of PostgreSQL ${major}: found servers ${found}, expected ${major} or later`,
    {
      facts: { hint: `Install PostgreSQL ${major} beside this program: the test starts it privately` },
    },
  )
}

const tablespaces = /^(?:CREATE|ALTER|COMMENT ON|GRANT .* ON|REVOKE .* ON|SECURITY LABEL .* ON) TABLESPACE\b/s

/** Those that the new cluster has already are given the attributes that the dump says. */
async function makeRoles(url: string, globals: string, signal: AbortSignal): Promise<void> {
  await using sql = await connectPostgresql({ url }, { kind: 'sql' }, signal)
  const rows = await sql.query('SELECT quote_ident(rolname) AS name FROM pg_roles')
  const known = new Set(rows.map(({ name }) => `CREATE ROLE ${name}`))
  for (const statement of sqlStatements(globals)) {
    if (tablespaces.test(statement) || known.has(statement)) continue
    await sql.query(statement)
  }
}
