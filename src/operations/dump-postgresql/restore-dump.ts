import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { Failure } from '../../base/failure.ts'
import type { PostgresqlDump } from '../../model/postgresql-dump.ts'
import { connectionWords, findClientTools, runTool } from '../../sources/postgresql/client-tools.ts'
import { connectPostgresql, type PostgresqlConnection } from '../../sources/postgresql/connection.ts'
import type { PostgresqlConnectionOptions } from '../../sources/postgresql/connection-options.ts'
import { urlOfDatabase } from '../../sources/postgresql/server-address.ts'
import { readServerFacts } from '../../sources/postgresql/server-facts.ts'
import { whileServerAnswers } from '../../sources/postgresql/server-pulse.ts'
import { propertyStatements, quoteName, quoteText } from './property-statements.ts'

export interface RestoreDumpRequest {
  /** Where `/<source>` of the snapshot was restored to. */
  readonly folder: string
  /** The database of the dump. */
  readonly database: PostgresqlDump['databases'][number]
  /** Of the server that it is restored to, as a user who may create databases. */
  readonly connection: PostgresqlConnectionOptions
  /** Name of the database that is made; there must be none. */
  readonly newName: string
  readonly jobs: number
  /** `default`: all in the server's own folder, for a server that has no other tablespaces. */
  readonly tablespaces?: 'as dumped' | 'default'
  readonly toolFolders: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  readonly clock: Clock
}

/**
 * Restores a dump into a new database: whatever is on the server stays as it is. Failure `refused` where there is a
 * database of that name. Where pg_restore fails, the new database is removed again. The roles that own things must be
 * there: "globals.sql" of the dump makes them.
 */
export async function restorePostgresqlDump(request: RestoreDumpRequest, signal: AbortSignal): Promise<void> {
  const { connection, newName, database, folder, jobs, clock } = request
  await using sql = await connectPostgresql(connection, { kind: 'sql' }, signal)
  await sql.query('SET idle_session_timeout = 0') // It has nothing to do while pg_restore works, and is wanted behind it.
  const server = await readServerFacts(sql)
  const tools = await findClientTools(request.toolFolders, server.major, clock, signal)
  await requireNone(sql, newName)
  const { owner, encoding, collate, ctype } = database
  await sql.query(
    `CREATE DATABASE ${quoteName(newName)} TEMPLATE template0 OWNER ${quoteName(owner)} ENCODING ${quoteText(encoding)}
       LC_COLLATE ${quoteText(collate)} LC_CTYPE ${quoteText(ctype)} ${localeWords(database)}`,
  )
  const { url, environment } = connectionWords(connection, request.environment)
  const words = [
    '--exit-on-error',
    `--jobs=${jobs}`,
    '--no-password',
    ...(request.tablespaces === 'default' ? ['--no-tablespaces'] : []),
    `--dbname=${urlOfDatabase(url, newName)}`,
    join(folder, database.folder),
  ]
  try {
    const run = { folder: tools.folder, tool: 'pg_restore', words, environment, clock } as const
    await whileServerAnswers(
      () => sql.query('SELECT 1'),
      (both) => runTool(run, both),
      clock,
      signal,
    )
    // Last, since they may keep others out, or change how the statements of the dump are read.
    const statements = database.properties === undefined ? [] : propertyStatements(newName, owner, database.properties)
    for (const statement of statements) await sql.query(statement)
  } catch (error) {
    // It was made above by us, and holds nothing else. Its removal may fail where the server is gone: the cause counts.
    await dropDatabase(sql, newName).catch(() => {})
    throw error
  }
}

/** Without them a database would order its texts by the system's rules, whatever it had before. */
function localeWords({ provider, locale, rules }: RestoreDumpRequest['database']): string {
  if (provider === undefined) return 'LOCALE_PROVIDER libc'
  const words = [`LOCALE_PROVIDER ${provider}`]
  if (locale !== undefined) words.push(`${provider === 'icu' ? 'ICU_LOCALE' : 'BUILTIN_LOCALE'} ${quoteText(locale)}`)
  if (rules !== undefined) words.push(`ICU_RULES ${quoteText(rules)}`)
  return words.join(' ')
}

/**
 * Puts a restored database in the place of another, which stays under the name `keepAs`: both renames are one
 * transaction, so there is always one of that name. Whoever is connected to either is cut off, and nobody gets in
 * between. Failure `refused` where something of the name `keepAs` is there already.
 *
 * Order: connections are closed to both, then the names change at once, then connections are let in again. A crash in
 * between leaves a database that takes no connections: ALTER DATABASE … ALLOW_CONNECTIONS true opens it.
 */
export async function swapDatabases(
  connection: PostgresqlConnectionOptions,
  names: { readonly current: string; readonly restored: string; readonly keepAs: string },
  signal: AbortSignal,
): Promise<void> {
  const [current, restored, keepAs] = [names.current, names.restored, names.keepAs].map(quoteName) as [
    string,
    string,
    string,
  ]
  await using sql = await connectPostgresql(connection, { kind: 'sql' }, signal)
  const { database } = await sql.row('SELECT current_database() AS database')
  if (database === names.current || database === names.restored) {
    throw new Failure(
      'usage',
      `Cannot swap the database "${database}": the connection is to it, expected one to another`,
      {
        facts: { hint: 'Use a URL that names the database "postgres"' },
      },
    )
  }
  await requireNone(sql, names.keepAs)
  const closed = [names.current, names.restored]
  try {
    for (const name of [current, restored]) await sql.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`)
    await sql.query('SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = ANY($1)', [closed])
    await sql.query('BEGIN')
    await sql.query(`ALTER DATABASE ${current} RENAME TO ${keepAs}`)
    await sql.query(`ALTER DATABASE ${restored} RENAME TO ${current}`)
    await sql.query('COMMIT')
  } catch (error) {
    await sql.query('ROLLBACK').catch(() => {}) // The first error is the one to tell.
    await allowConnections(sql, closed).catch(() => {})
    throw error
  }
  await allowConnections(sql, [names.current, names.keepAs])
}

/** Whether databases of these names are there. */
export async function databasesThere(
  sql: PostgresqlConnection,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await sql.query('SELECT datname FROM pg_database WHERE datname = ANY($1)', [names])
  return new Set(rows.map(({ datname }) => datname!))
}

/** The names of a database that is replaced. */
export interface ReplacedDatabase {
  readonly current: string
  readonly restored: string
  readonly keepAs: string
}

/**
 * Puts a restored database in the place of another, or where there is none; may be run twice. See swapDatabases(). Failure
 * `database_unreadable` where the restored one is gone without being in place.
 */
export async function putDatabaseInPlace(
  connection: PostgresqlConnectionOptions,
  names: ReplacedDatabase,
  signal: AbortSignal,
): Promise<void> {
  await using sql = await connectPostgresql(connection, { kind: 'sql' }, signal)
  const { current, restored, keepAs } = names
  const there = await databasesThere(sql, [current, restored, keepAs])
  if (there.has(restored)) {
    if (there.has(current)) return await swapDatabases(connection, names, signal)
    // Where the old one is out of the way already, somebody else did that: it stays there.
    await sql.query(`ALTER DATABASE ${quoteName(restored)} RENAME TO ${quoteName(current)}`)
  } else if (!there.has(current)) {
    throw new Failure('database_unreadable', `Cannot put database "${current}" into place: "${restored}" is gone`)
  }
  // A crash behind the renames left them closed.
  await allowConnections(sql, [...(await databasesThere(sql, [current, keepAs]))])
}

/**
 * Undoes putDatabaseInPlace(): the old one gets its name again, and the restored one stays as `asideName`; one that never came into
 * the place is removed. Answers whether there was anything to put back; may be run twice.
 */
export async function putDatabaseBack(
  connection: PostgresqlConnectionOptions,
  names: ReplacedDatabase & { readonly asideName: string; readonly hadOld: boolean; readonly isBegun: boolean },
  signal: AbortSignal,
): Promise<'put back' | 'as it was'> {
  await using sql = await connectPostgresql(connection, { kind: 'sql' }, signal)
  const { current, restored, keepAs, asideName, hadOld, isBegun } = names
  const there = await databasesThere(sql, [current, restored, keepAs, asideName])
  const isPlaced = isBegun && !there.has(restored) && !there.has(asideName)
  let answer: 'put back' | 'as it was' = 'as it was'
  if (there.has(keepAs) && there.has(current)) {
    if (!isPlaced) throw appeared(current)
    await swapDatabases(connection, { current, restored: keepAs, keepAs: asideName }, signal)
    answer = 'put back'
  } else if (there.has(keepAs)) {
    await sql.query(`ALTER DATABASE ${quoteName(keepAs)} RENAME TO ${quoteName(current)}`)
    answer = 'put back'
  } else if (!hadOld && isPlaced && there.has(current)) {
    await sql.query(`ALTER DATABASE ${quoteName(current)} RENAME TO ${quoteName(asideName)}`)
    answer = 'put back'
  }
  if (there.has(restored)) await dropDatabase(sql, restored)
  await allowConnections(sql, [...(await databasesThere(sql, [current, asideName]))])
  return answer
}

/** Removes a database of our own making, and cuts off who is connected to it. */
export async function dropDatabase(sql: PostgresqlConnection, name: string): Promise<void> {
  const [found] = await sql.query('SELECT datistemplate AS template FROM pg_database WHERE datname = $1', [name])
  if (found?.template === 't') await sql.query(`ALTER DATABASE ${quoteName(name)} IS_TEMPLATE false`)
  await sql.query(`DROP DATABASE IF EXISTS ${quoteName(name)} WITH (FORCE)`)
}

function appeared(name: string): Failure {
  return new Failure(
    'refused',
    `Cannot put database "${name}" back: there is one again that the run did not put there`,
    {
      facts: { hint: 'Look at it, and rename it yourself if it is not wanted' },
    },
  )
}

async function allowConnections(sql: PostgresqlConnection, names: readonly string[]): Promise<void> {
  for (const name of names) await sql.query(`ALTER DATABASE ${quoteName(name)} ALLOW_CONNECTIONS true`)
}

async function requireNone(sql: PostgresqlConnection, name: string): Promise<void> {
  const rows = await sql.query('SELECT FROM pg_database WHERE datname = $1', [name])
  if (rows.length === 0) return
  throw new Failure('refused', `Cannot make the database "${name}": there is one already, expected a new name`)
}
