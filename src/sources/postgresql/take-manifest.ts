import type { PostgresqlManifest } from '../../model/manifest.ts'
import { connectPostgresql } from './connection.ts'
import type { PostgresqlConnectionOptions } from './connection-options.ts'
import { describeProperties, readDatabaseProperties } from './database-properties.ts'
import { DatabaseSession, listDatabases } from './database-session.ts'
import { readServerFacts } from './server-facts.ts'
import { readSchemaDigest } from './schema-digest.ts'
import { readSequences } from './sequence-values.ts'
import { readTables, type TableReading } from './table-manifest.ts'

type DatabaseManifest = PostgresqlManifest['databases'][number]

/** How much of large tables is read: up to a size all of it; or what another manifest has, for comparing with it. */
export type ManifestReading =
  | { readonly tableBytesMax: number; readonly largeTables?: 'sample' | 'count' }
  /** `ignore`: tables that it does not name are left out; else they are read. */
  | { readonly like: PostgresqlManifest; readonly others?: 'ignore' }

export type ManifestOptions = ManifestReading & {
  /** Only these databases, each told by another name: a copy that lies beside its original, by the original's. */
  readonly databases?: readonly { readonly name: string; readonly as: string }[]
}

/**
 * What a server holds now: of a restored copy, where nothing else is at work. Each database is seen as of one moment.
 * The user must be able to read every table.
 */
export async function takePostgresqlManifest(
  connection: PostgresqlConnectionOptions,
  options: ManifestOptions,
  signal: AbortSignal,
): Promise<PostgresqlManifest> {
  await using sql = await connectPostgresql(connection, { kind: 'sql' }, signal)
  const server = await readServerFacts(sql)
  const databases: DatabaseManifest[] = []
  let roles: string[] = []
  // Manifests that tell no properties have no templates either.
  const isOld = 'like' in options && options.like.databases.every(({ properties }) => properties === undefined)
  const listed = await listDatabases(sql, { templates: isOld ? 'none' : 'of users' })
  const wanted = options.databases ?? listed.map((name) => ({ name, as: name }))
  for (const { name, as } of wanted) {
    await using session = await DatabaseSession.open(connection, name, signal)
    await session.beginView()
    roles = await readRoles(session)
    const known = { schemaDigest: await readSchemaDigest(session), sequences: await readSequences(session) }
    databases.push({ ...(await readDatabase(session, known, options, { name: as })), name: as })
  }
  const { rowDigest, ...head } = headOf(server)
  const as = 'like' in options ? options.like.rowDigest : rowDigest
  return { ...head, ...(as !== undefined && { rowDigest: as }), databases, roles, view: { state: 'snapshot' } }
}

/** The beginning of a manifest. */
export function headOf(server: {
  readonly version: number
  readonly systemIdentifier: string
}): Pick<PostgresqlManifest, 'version' | 'kind' | 'serverVersion' | 'systemIdentifier' | 'rowDigest'> {
  const { version: serverVersion, systemIdentifier } = server
  return { version: 1, kind: 'postgresql', serverVersion, systemIdentifier, rowDigest: 'seeds' }
}

/**
 * What the session's view holds, and what is known of the database already, since it keeps to no view. `witness`: another
 * session of the database, outside of any view, where others may be at work.
 */
export async function readDatabase(
  session: DatabaseSession,
  known: Pick<DatabaseManifest, 'schemaDigest' | 'sequences'>,
  reading: ManifestReading,
  { name = session.database, witness }: { readonly name?: string; readonly witness?: DatabaseSession } = {},
): Promise<DatabaseManifest> {
  const extensions = await session.query(
    'SELECT extname AS name, extversion AS version FROM pg_extension ORDER BY extname COLLATE "C"',
  )
  return {
    name: session.database,
    properties: describeProperties(await readDatabaseProperties(session)),
    schemaDigest: known.schemaDigest,
    extensions: extensions.map((row) => ({ name: row.name!, version: row.version! })),
    tables: await readTables(session, readingOf(name, reading), witness),
    sequences: known.sequences,
  }
}

/** Every role with what it may do and whom it belongs to, but for those that the server makes itself. */
export async function readRoles(session: DatabaseSession): Promise<string[]> {
  const rows = await session.query(`
    SELECT concat_ws(' ', quote_ident(r.rolname),
             CASE WHEN r.rolsuper THEN 'superuser' END, CASE WHEN r.rolcanlogin THEN 'login' END,
             CASE WHEN r.rolcreatedb THEN 'createdb' END, CASE WHEN r.rolcreaterole THEN 'createrole' END,
             CASE WHEN r.rolreplication THEN 'replication' END, CASE WHEN r.rolbypassrls THEN 'bypassrls' END,
             CASE WHEN NOT r.rolinherit THEN 'noinherit' END,
             (SELECT 'in ' || string_agg(quote_ident(g.rolname), ', ' ORDER BY g.rolname COLLATE "C")
                FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid)) AS role
      FROM pg_roles r
     WHERE r.rolname !~ '^pg_'
     ORDER BY r.rolname COLLATE "C"`)
  return rows.map((row) => row.role!)
}

function readingOf(database: string, options: ManifestReading): TableReading {
  if (!('like' in options)) return { kind: options.largeTables ?? 'sample', tableBytesMax: options.tableBytesMax }
  const before = options.like.databases.find(({ name }) => name === database)
  const rowDigest = options.like.rowDigest ?? 'text'
  return { kind: 'as before', tables: before?.tables ?? [], others: options.others ?? 'read', rowDigest }
}
