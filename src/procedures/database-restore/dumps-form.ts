import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../base/failure.ts'
import { comparePostgresqlManifests } from '../../model/compare-postgresql-manifests.ts'
import {
  databasesThere,
  dropDatabase,
  putDatabaseBack,
  putDatabaseInPlace,
  restorePostgresqlDump,
} from '../../operations/dump-postgresql/restore-dump.ts'
import { findClientTools } from '../../sources/postgresql/client-tools.ts'
import type { PostgresqlConnectionOptions } from '../../sources/postgresql/connection-options.ts'
import { connectPostgresql, type PostgresqlConnection } from '../../sources/postgresql/connection.ts'
import { urlOfDatabase } from '../../sources/postgresql/server-address.ts'
import { readServerFacts } from '../../sources/postgresql/server-facts.ts'
import { sqlStatements } from '../../sources/postgresql/sql-statements.ts'
import { takePostgresqlManifest } from '../../sources/postgresql/take-manifest.ts'
import { clientPrograms, connectionOf } from '../backup/back-up-postgresql-source.ts'
import type { Installation, Watch } from '../installation.ts'
import { askServer } from '../postgresql/ask-server.ts'
import { requirePostgresql } from '../postgresql/physical-backups.ts'
import { readDumpFacts } from '../postgresql/read-dump-facts.ts'
import { failedServerAssertions } from '../postgresql/ask-restored-server.ts'
import { chooseBackup } from '../restore/choose-backup.ts'
import { readManifest } from '../restore/read-manifest.ts'
import { restoreServerFiles } from '../restore/restore-data-folder.ts'
import type { ProcedureContext } from '../runs/procedure-context.ts'
import { servicesOf } from '../services/services.ts'
import type { DatabaseForm, ProvenDatabase, RestoredDatabase } from './database-form.ts'
import { type DatabaseRestoreOrder, type IdentifiedDumps, withBackup } from './identified-backup.ts'

const jobs = 2
const differencesTold = 5

/**
 * Decides what to restore of dumps, and changes nothing. Failures of chooseBackup() and of the connection; `access_denied` where
 * its role may not make databases, `unsupported` where no pg_restore fits.
 */
export async function identifyDumps(
  context: Pick<ProcedureContext, 'installation' | 'id'> & { readonly watch: Watch },
  { source, backup: wanted, location }: DatabaseRestoreOrder,
  signal: AbortSignal,
): Promise<IdentifiedDumps> {
  const { installation, id } = context
  const { catalog, policy } = installation
  const backups = (await catalog.backups({ source })).filter(({ environment }) => environment === policy.environment)
  const backup = chooseBackup(source, backups, wanted)
  const dump = await withBackup(context, { source, backup: backup.id, location }, signal, readDumpFacts)
  if (dump === undefined) {
    throw new Failure(
      'usage',
      `Cannot restore database "${source}" from backup "${backup.id.slice(0, 8)}": it is no dump`,
    )
  }
  const names = dump.databases.map(({ name }) => name)
  await using sql = await connectPostgresql(
    await restoreConnection(installation, source, names),
    { kind: 'sql' },
    signal,
  )
  await requireRights(sql, source)
  const { toolFolders } = await clientPrograms(installation, signal)
  await findClientTools(toolFolders, (await readServerFacts(sql)).major, installation.clock, signal)
  const there = await databasesThere(sql, names)
  const prefix = `zakops_${id.replaceAll(/[^a-z0-9]/g, '')}` // Short of 63 bytes whatever the database is called.
  const databases = names.map((name, at) => ({
    name,
    newName: `${prefix}_new_${at + 1}`,
    oldName: `${prefix}_old_${at + 1}`,
    asideName: `${prefix}_restored_${at + 1}`,
    hadOld: there.has(name),
  }))
  return {
    form: 'dumps',
    backup: backup.id,
    source,
    sourceKind: backup.sourceKind,
    takenAt: backup.takenAt.toISOString(),
    location,
    path: names.join(', '),
    oldPath: databases.map(({ oldName }) => oldName).join(', '),
    services: servicesOf(installation, source),
    databases,
  }
}

/**
 * Each database of the dumps is restored under a new name into the server, which goes on running, and compared there with the
 * manifest; only then it takes the name of the old one, which stays under another. The roles that the server lacks are made, those
 * that it has stay as they are.
 *
 * Order: one database after the other changes its name, each at once with its old one; a crash in between leaves some of them
 * replaced, and the same again ends it.
 */
export function dumpsForm(point: IdentifiedDumps): DatabaseForm {
  return {
    restore: (context, signal) => restoreBeside(context, point, signal),
    prove: (context, restored, signal) => proveBeside(context, point, restored, signal),
    place: ({ installation }, _restored, signal) => rename(installation, point, signal),
    ask: ({ installation }) => askServer(installation, point.source),
  }
}

/** The connection may be to none of the databases that change their names. */
async function restoreConnection(
  installation: Pick<Installation, 'clock' | 'policy' | 'secret'>,
  source: string,
  names: readonly string[],
): Promise<PostgresqlConnectionOptions> {
  const policy = requirePostgresql(installation, source)
  const { restoreUrl } = policy
  const connection =
    restoreUrl === undefined ? await connectionOf(installation, policy) : { url: restoreUrl, clock: installation.clock }
  return { ...connection, url: urlOfDatabase(connection.url, names.includes('postgres') ? 'template1' : 'postgres') }
}

async function requireRights(sql: PostgresqlConnection, source: string): Promise<void> {
  const { may, name } = await sql.row(
    'SELECT rolsuper OR rolcreatedb AS may, rolname AS name FROM pg_roles WHERE rolname = current_user',
  )
  if (may === 't') return
  throw new Failure('access_denied', `Cannot restore database "${source}": role "${name}" may not create databases`, {
    facts: { hint: 'Set `restoreUrl` of the source to the URL of a role that may, such as "postgres"' },
  })
}

async function restoreBeside(
  context: ProcedureContext,
  point: IdentifiedDumps,
  signal: AbortSignal,
): Promise<RestoredDatabase> {
  const { installation, watch, id } = context
  const { clock } = installation
  const beginMs = clock.monotonicMs()
  const { source, databases } = point
  const connection = await connectionOfPoint(installation, point)
  const programs = await clientPrograms(installation, signal)
  return await withBackup(context, point, signal, async (opened) => {
    await using folder = await installation.temporaryFolder(`restore-${id}`)
    const { bytes, problems } = await restoreServerFiles({ installation, opened, order: point, watch }, folder.path)
    if (problems.length > 0) {
      throw new Failure('not_proven', `Cannot restore database "${source}": ${problems[0]!}`)
    }
    const dump = await readDumpFacts(opened)
    await using sql = await connectPostgresql(connection, { kind: 'sql' }, opened.signal)
    await makeMissingRoles(sql, await readFile(join(folder.path, 'globals.sql'), 'utf8'))
    for (const { name, newName } of databases) {
      const database = dump?.databases.find((one) => one.name === name)
      if (database === undefined) throw new Failure('defect', `The dump of database "${name}" is gone`)
      await dropDatabase(sql, newName) // Left by the same step, which was killed.
      await restorePostgresqlDump(
        { ...programs, folder: folder.path, database, connection, newName, jobs, clock },
        opened.signal,
      )
    }
    return { location: opened.location, bytes, durationMs: Math.round(clock.monotonicMs() - beginMs) }
  })
}

/** Of those that the server has, nothing is changed: their passwords and rights may be newer than the dump. */
async function makeMissingRoles(sql: PostgresqlConnection, globals: string): Promise<void> {
  const rows = await sql.query('SELECT quote_ident(rolname) AS name FROM pg_roles')
  const known = new Set(rows.map(({ name }) => name))
  const statements = sqlStatements(globals)
  const missing = statements.flatMap((statement) => {
    const name = /^CREATE ROLE (.+)$/s.exec(statement)?.[1]
    return name === undefined || known.has(name) ? [] : [name]
  })
  for (const statement of statements) {
    if (missing.some((name) => statement === `CREATE ROLE ${name}` || statement.startsWith(`ALTER ROLE ${name} `))) {
      await sql.query(statement)
    }
  }
}

async function proveBeside(
  context: ProcedureContext,
  point: IdentifiedDumps,
  { location, durationMs }: RestoredDatabase,
  signal: AbortSignal,
): Promise<ProvenDatabase> {
  const { installation, run } = context
  const { catalog, clock } = installation
  const { source, backup } = point
  const manifest = await withBackup(context, point, signal, (opened) => readManifest(opened))
  if (manifest?.kind !== 'postgresql') {
    throw new Failure('not_proven', `Cannot prove database "${source}": backup "${backup.slice(0, 8)}" has no manifest`)
  }
  const connection = await connectionOfPoint(installation, point)
  const databases = point.databases.map(({ name, newName }) => ({ name: newName, as: name }))
  const there = manifest.databases.filter(({ name }) => databases.some(({ as }) => as === name))
  const expected = { ...manifest, databases: there }
  const found = await takePostgresqlManifest(connection, { like: expected, databases }, signal)
  // The server's roles are not restored, so they may be others by now.
  const differences = comparePostgresqlManifests({ ...expected, roles: found.roles }, found).map(
    ({ what, expected: wanted, found: is }) => `${what}: found ${is}, expected ${wanted}`,
  )
  differences.push(...(await failedServerAssertions(installation, { ...connection, source, databases }, signal)))
  const outcome = differences.length === 0 ? 'equal' : 'different'
  await catalog.addProof({ run, at: clock.now(), backup, source, location, durationMs, outcome })
  if (differences.length > 0) {
    const told = differences.slice(0, differencesTold).join('; ')
    throw new Failure('not_proven', `Cannot prove database "${source}": ${told}; "${point.path}" is untouched`)
  }
  return { outcome: 'equal', tables: there.reduce((sum, { tables }) => sum + tables.length, 0), doubts: [] }
}

async function rename(installation: Installation, point: IdentifiedDumps, signal: AbortSignal): Promise<string | null> {
  const connection = await connectionOfPoint(installation, point)
  for (const { name, newName, oldName } of point.databases) {
    await putDatabaseInPlace(connection, { current: name, restored: newName, keepAs: oldName }, signal)
  }
  const kept = point.databases.filter(({ hadOld }) => hadOld)
  return kept.length === 0 ? null : kept.map(({ oldName }) => oldName).join(', ')
}

function connectionOfPoint(
  installation: Pick<Installation, 'clock' | 'policy' | 'secret'>,
  { source, databases }: Pick<IdentifiedDumps, 'source' | 'databases'>,
): Promise<PostgresqlConnectionOptions> {
  const names = databases.map(({ name }) => name)
  return restoreConnection(installation, source, names)
}

/** Gives the old databases their names again; what was restored stays under another name. May be run twice. */
export async function putDumpsBack(
  installation: Pick<Installation, 'clock' | 'policy' | 'secret'>,
  point: Pick<IdentifiedDumps, 'source' | 'databases'> & { readonly isBegun: boolean },
  signal: AbortSignal,
): Promise<'put back' | 'as it was'> {
  const connection = await connectionOfPoint(installation, point)
  let answer: 'put back' | 'as it was' = 'as it was'
  for (const { name, newName, oldName, asideName, hadOld } of point.databases) {
    const names = { current: name, restored: newName, keepAs: oldName, asideName, hadOld, isBegun: point.isBegun }
    if ((await putDatabaseBack(connection, names, signal)) === 'put back') answer = 'put back'
  }
  return answer
}
