import assert from 'node:assert/strict'
import type { PostgresqlServer } from '../../../testing/postgresql-server.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { neverStopped } from '../../base/abort.ts'
import { DatabaseSession } from './database-session.ts'
import { columnsQuery, type RowDigest, type RowHashing, rowHashing } from './row-hashing.ts'

const types = `
  CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE TYPE mood AS ENUM ('well', 'ill');
  CREATE TYPE pair AS (a int, b int);
  CREATE DOMAIN small AS int CHECK (VALUE < 1000);
  CREATE DOMAIN word AS text;`

const eightBytes = ['0', '1', '-1', '7', '4294967295', '4294967296', '4294967297', '-4294967296', '30064771072']
const extremes = ['9223372036854775807', '-9223372036854775808', '9223372036854775806', '2147483648', '-2147483649']
const instants = [
  '2000-01-01',
  '1999-12-31 23:59:59.999999',
  '2000-01-01 00:00:00.000001',
  '2000-01-01 01:11:34.967296',
]
const farInstants = ['infinity', '-infinity', '294276-12-31 23:59:59.999999', '4713-01-01 00:00:00 BC']

/** Of each kind of column, values that a person would tell apart; the first one is what the code puts for a NULL, if any. */
const kinds: Readonly<Record<string, readonly string[]>> = {
  boolean: ['f', 't'],
  '"char"': ['0', 'x', '', '\\377'],
  smallint: ['0', '1', '-1', '32767', '-32768'],
  integer: ['0', '1', '-1', '2147483647', '-2147483648'],
  bigint: [...eightBytes, ...extremes],
  oid: ['0', '1', '4294967295'],
  uuid: ['00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000001'],
  bytea: ['', '\\x00', '\\x0000', '\\x30'],
  name: ['', 'a', '0'],
  text: ['', ' ', 'a', 'A', 'x'.repeat(10_000), `${'x'.repeat(9_999)}y`],
  'varchar(9)': ['', ' ', 'a', '0'],
  'text COLLATE loose': ['', 'a', 'A'],
  'char(3)': ['', 'a', 'A', ' a'],
  'char(3) COLLATE loose': ['', 'a', 'A'],
  bpchar: ['', ' ', 'a', 'a '],
  date: ['2000-01-01', '2000-01-02', '1999-12-31', 'infinity', '-infinity', '5874897-12-31', '4713-01-01 BC'],
  time: ['00:00', '00:00:00.000001', '01:11:34.967296', '24:00', '23:59:59.999999'],
  timestamp: [...instants, ...farInstants],
  timestamptz: [...instants.map((instant) => `${instant}+00`), ...farInstants],
  'time with time zone': ['00:00+00', '01:00+01'],
  interval: ['0', '1 month', '30 days', '720 hours'],
  numeric: ['0', '0.0', '1', '-1', '1.0', 'NaN', 'Infinity', '-Infinity'],
  'double precision': ['0', '-0', '1', 'NaN', 'Infinity'],
  'integer[]': ['{}', '{NULL}', '{0}', '{{0}}', '[0:0]={0}'],
  jsonb: ['null', '1', '1.0', '{}'],
  inet: ['10.0.0.1', '10.0.0.1/8'],
  mood: ['well', 'ill'],
  pair: ['(,)', '(0,)', '(,0)', '(1,2)', '(2,1)'],
  small: ['0', '1'],
  word: ['', '0', '()'],
}

const names = Object.keys(kinds).map((_, index) => `c${index}`)
const columns = Object.keys(kinds).map((kind, index) => `c${index} ${kind}`)
const literal = (text: string | null): string => (text === null ? 'NULL' : `E'${text.replaceAll('\\', '\\\\')}'`)

/** Not what the code puts for a NULL, and the same in no two columns that could swap it. */
function usual(): (string | null)[] {
  return Object.values(kinds).map((values) => values.at(-1)!)
}

/** A table of these columns, and rows; `key` says which they are, and is not hashed. */
function table(name: string, definitions: readonly string[], rows: readonly (readonly (string | null)[])[]): string {
  const values = rows.map((row, index) => `(${[`${index}`, ...row].map(literal).join(', ')})`)
  return `CREATE TABLE ${name} (key int, ${definitions.join(', ')}); INSERT INTO ${name} VALUES ${values.join(', ')};`
}

async function hashingOf(session: DatabaseSession, name: string, rowDigest: RowDigest): Promise<RowHashing> {
  const row = await session.row(`SELECT ${columnsQuery} AS columns FROM pg_class c WHERE oid = '${name}'::regclass`)
  const known = JSON.parse(row.columns!) as { readonly name: string }[]
  return rowHashing(rowDigest, JSON.stringify(known.filter((column) => column.name !== '"zakops row".key')))
}

/** The hash of each row, in the order of their keys. */
async function hashes(session: DatabaseSession, name: string, rowDigest: RowDigest = 'seeds'): Promise<bigint[]> {
  const { value } = await hashingOf(session, name, rowDigest)
  const rows = await session.query(`SELECT ${value} AS value FROM ONLY ${name} AS "zakops row" ORDER BY key`)
  return rows.map((row) => BigInt(row.value!))
}

postgresqlTest('rowHashing() gives a hash to rows', { versions: [15, 18] }, async ({ context, server }) => {
  await server.psql(types)
  await using session = await DatabaseSession.open({ url: server.url }, 'postgres', neverStopped())
  const parts = [
    ['that tells every kind of value apart, and a NULL from each', tellValuesApart],
    ['whose sum tells when two rows swapped a value, in whichever columns', tellSwappedValues],
    ['that is the same on every version, as it was in older manifests', hashAsBefore],
    ['that is the same where columns were dropped, are generated or lie elsewhere', hashAlike],
    ['of no column and of as many as there may be', hashAnyNumberOfColumns],
    ['by as many workers as the server likes', leaveWorkers],
  ] as const
  for (const [name, part] of parts) {
    await context.test(name, async () => {
      await part(server, session)
    })
  }
})

async function tellValuesApart(server: PostgresqlServer, session: DatabaseSession): Promise<void> {
  const rows = [
    usual(),
    names.map(() => null),
    Object.values(kinds).map(([first]) => first!),
    ...Object.values(kinds).flatMap((values, index) =>
      [...values.slice(0, -1), null].map((value) => usual().with(index, value)),
    ),
    // Two columns of one type swap their values.
    usual().with(names.indexOf('c9'), 'a').with(names.indexOf('c10'), 'b'),
    usual().with(names.indexOf('c9'), 'b').with(names.indexOf('c10'), 'a'),
  ]
  await server.psql(table('apart', columns, rows))
  const found = await hashes(session, 'public.apart')
  const seen = new Map<bigint, number>()
  for (const [index, value] of found.entries()) {
    assert.equal(seen.get(value), undefined, `${JSON.stringify(rows[index])}, ${index}`)
    seen.set(value, index)
  }
  // Each column by itself, with the same values: a table that has no others.
  for (const [kind, values] of Object.entries(kinds)) {
    const lone = [...values, null].map((value) => [value])
    await server.psql(table('lone', [`value ${kind}`], lone))
    assert.equal(new Set(await hashes(session, 'public.lone')).size, lone.length, kind)
    await server.psql('DROP TABLE lone')
  }
}

async function tellSwappedValues(server: PostgresqlServer, session: DatabaseSession): Promise<void> {
  const firsts = Object.values(kinds).map(([first]) => first!)
  const pairs = names.flatMap((_, one) => names.slice(0, one).map((__, other) => [one, other] as const))
  const rows = pairs.flatMap(([one, other]) => [
    usual(),
    usual().with(one, firsts[one]!).with(other, firsts[other]!),
    usual().with(one, firsts[one]!),
    usual().with(other, firsts[other]!),
  ])
  const times = [
    ['2000-01-01', '2000-01-01+00'],
    ['2000-01-02', '2000-01-02+00'],
    ['2000-01-01', '2000-01-02+00'],
    ['2000-01-02', '2000-01-01+00'],
  ]
  await server.psql(table('swapped', columns, rows) + table('times', ['day date', 'at timestamptz'], times))
  for (const name of ['public.swapped', 'public.times']) {
    const found = await hashes(session, name)
    for (let index = 0; index < found.length; index += 4) {
      const [a, b, c, d] = found.slice(index, index + 4)
      assert.notEqual(a! + b!, c! + d!, `${name}: columns ${pairs[index / 4]!.join(' and ')}`)
    }
  }
}

async function hashAsBefore(server: PostgresqlServer, session: DatabaseSession): Promise<void> {
  const rows = [usual(), names.map(() => null), Object.values(kinds).map(([first]) => first!)]
  await server.psql(table('rows', columns, rows))
  // What manifests in repositories have: it can not change any more.
  const known: Readonly<Record<RowDigest, readonly (string | null)[]>> = {
    seeds: ['1370409512235850540', null],
    columns: ['5296350169866475961', null],
    text: ['393742750553856796', '-12063218374289047235'],
  }
  for (const rowDigest of ['seeds', 'columns', 'text'] as const) {
    const { value, sums } = await hashingOf(session, 'public.rows', rowDigest)
    const { low, high } = await session.row(
      `SELECT ${sums} FROM (SELECT ${value} FROM ONLY public.rows AS "zakops row") AS source (value)`,
    )
    assert.deepEqual([low, high], known[rowDigest], rowDigest)
  }
}

async function hashAlike(server: PostgresqlServer, session: DatabaseSession): Promise<void> {
  const generated = server.version >= 18 ? 'VIRTUAL' : 'STORED'
  await server.psql(`
    CREATE TABLE plain (key int, "a ""b" int, "%I" text, "zakops row" bigint, twice int, long text);
    INSERT INTO plain SELECT g, g, 'x', NULL, 2 * g, repeat(g || 'long', 3000) FROM generate_series(1, 5) g;
    CREATE TABLE other (key int, gone int, "a ""b" int, "%I" text, "zakops row" bigint, more text,
      twice int GENERATED ALWAYS AS (2 * "a ""b") ${generated}, long text);
    ALTER TABLE other DROP gone, DROP more, ALTER long SET STORAGE EXTERNAL;
    INSERT INTO other (key, "a ""b", "%I", "zakops row", long) SELECT key, "a ""b", "%I", "zakops row", long FROM plain`)
  for (const rowDigest of ['seeds', 'columns'] as const) {
    const expected = await hashes(session, 'public.plain', rowDigest)
    assert.equal(new Set(expected).size, 5)
    assert.deepEqual(await hashes(session, 'public.other', rowDigest), expected, rowDigest)
  }
}

async function hashAnyNumberOfColumns(server: PostgresqlServer, session: DatabaseSession): Promise<void> {
  const wide = Array.from({ length: 1599 }, (_, index) => `c${index} bigint`)
  // The first and the last ones, and those about the hundredth.
  const changed = [0, 1, 98, 99, 100, 101, 1598]
  const updates = changed.map((index) => `UPDATE wide SET c${index} = 0 WHERE key = ${index};`)
  await server.psql(`
    CREATE TABLE bare (key int);
    INSERT INTO bare VALUES (1), (2);
    CREATE TABLE wide (key int, ${wide.join(', ')});
    INSERT INTO wide SELECT unnest(ARRAY[-1, ${changed.join(', ')}]);
    ${updates.join('\n')}`)
  const [bare, again] = await hashes(session, 'public.bare')
  assert.equal(bare, again)
  const found = await hashes(session, 'public.wide')
  assert.equal(new Set(found).size, changed.length + 1)
  assert.equal(found[0], 2948317969619053104n) // In manifests too: which columns stand in the record can not change.
}

async function leaveWorkers(server: PostgresqlServer, session: DatabaseSession): Promise<void> {
  await server.psql(table('shared', columns, [usual()]))
  for (const setting of ['parallel_setup_cost', 'parallel_tuple_cost', 'min_parallel_table_scan_size']) {
    await session.query(`SET ${setting} = 0`)
  }
  const { value, sums } = await hashingOf(session, 'public.shared', 'seeds')
  const plan = await session.query(
    `EXPLAIN (COSTS off) SELECT ${sums} FROM (SELECT ${value} FROM ONLY public.shared AS "zakops row") AS source (value)`,
  )
  assert.match(JSON.stringify(plan), /Partial Aggregate.*Parallel Seq Scan/)
}
