import assert from 'node:assert/strict'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { neverStopped } from '../../base/abort.ts'
import type { TableManifest } from '../../model/manifest.ts'
import { DatabaseSession } from './database-session.ts'
import { readTables, type TableReading } from './table-manifest.ts'

const signal = neverStopped()
const all: TableReading = { kind: 'sample', tableBytesMax: 2 ** 40 }

async function read(url: string, reading: TableReading = all): Promise<readonly TableManifest[]> {
  await using session = await DatabaseSession.open({ url }, 'postgres', signal)
  await session.beginView()
  return await readTables(session, reading)
}

function rowsOf(tables: readonly TableManifest[]): TableManifest {
  return tables.find(({ name }) => name === 'public.rows')!
}

const rows = `
  CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE TYPE mood AS ENUM ('well', 'ill');
  CREATE DOMAIN small AS int CHECK (VALUE < 1000);
  CREATE TABLE rows (id int, big bigint, note text, loose text COLLATE loose, code char(5), free bpchar, amount numeric,
    real8 float8, at timestamptz, span interval, mood mood, list int[], data bytea, flag bool, doc jsonb, few small);
  INSERT INTO rows
    SELECT g, g, 'note ' || g, 'a' || g, 'c' || g, 'f', 1.5, 0, '2000-01-01 00:00:00.000007+00', '30 days', 'well', ARRAY[g], '\\x00ff', true, '{"a": 1.0}', g % 7
      FROM generate_series(1, 50) g;`

/** Each leaves rows that a person would call others, though many are equal to what was there by their type's own rule. */
const changes = [
  'UPDATE rows SET note = o.note FROM rows o WHERE rows.id + o.id = 7 AND rows.id IN (3, 4)', // Two rows swap a value.
  "UPDATE rows SET loose = 'A7' WHERE id = 7",
  "UPDATE rows SET free = 'f ' WHERE id = 7",
  'UPDATE rows SET amount = 1.50 WHERE id = 7',
  "UPDATE rows SET real8 = '-0' WHERE id = 7",
  "UPDATE rows SET span = '1 month' WHERE id = 7",
  "UPDATE rows SET mood = 'ill' WHERE id = 7",
  'UPDATE rows SET list = NULL WHERE id = 7',
  "UPDATE rows SET data = '\\x00fe' WHERE id = 7",
  'UPDATE rows SET flag = NULL WHERE id = 7',
  `UPDATE rows SET doc = '{"a": 1.00}' WHERE id = 7`,
  'UPDATE rows SET few = 6 WHERE id = 7',
  'UPDATE rows SET id = big, big = id + 1 WHERE id = 7',
  "UPDATE rows SET at = at + '1 microsecond' WHERE id = 7",
  // What the hashes of eight bytes take for the same: their two halves changed places.
  'UPDATE rows SET big = big << 32 WHERE id = 7',
  'UPDATE rows SET big = -1 WHERE id = 7',
  'UPDATE rows SET big = 4294967295 WHERE id = 7',
  "UPDATE rows SET at = at + '30064.771065 seconds' WHERE id = 7",
  'DELETE FROM rows WHERE id = 7',
  'INSERT INTO rows SELECT * FROM rows WHERE id = 7',
]

postgresqlTest(
  'readTables() digests rows in any order alike, and every change of them otherwise',
  { versions: [15, 18] },
  async ({ server }) => {
    await server.psql(`${rows} CREATE TABLE bare (); INSERT INTO bare DEFAULT VALUES`)
    const before = await read(server.url)
    const seen = new Map([[rowsOf(before).digest, 'what was there']])
    for (const change of changes) {
      await server.psql(change)
      const { digest } = rowsOf(await read(server.url))
      assert.equal(seen.get(digest), undefined, change)
      seen.set(digest, change)
      await server.psql('DROP TABLE rows; DROP TYPE mood; DROP DOMAIN small; DROP COLLATION loose')
      await server.psql(rows)
    }
    await server.psql('CREATE TABLE other AS SELECT * FROM rows ORDER BY id DESC; TRUNCATE rows')
    await server.psql('INSERT INTO rows SELECT * FROM other; DROP TABLE other')
    assert.deepEqual(await read(server.url), before)
    assert.equal(before.find(({ name }) => name === 'public.bare')!.rows, 1)
  },
)

postgresqlTest(
  'readTables() reads again what an older manifest has, as it had it',
  { versions: [18] },
  async ({ server }) => {
    await server.psql(rows)
    const seen = new Set([rowsOf(await read(server.url)).digest])
    for (const rowDigest of ['columns', 'text'] as const) {
      const older = await read(server.url, { kind: 'as before', tables: [], others: 'read', rowDigest })
      assert.ok(!seen.has(rowsOf(older).digest), rowDigest)
      seen.add(rowsOf(older).digest)
      const again: TableReading = { kind: 'as before', tables: older, others: 'read', rowDigest }
      assert.deepEqual(await read(server.url, again), older)
      const one: TableReading = { kind: 'as before', tables: older.slice(-1), others: 'ignore', rowDigest }
      assert.deepEqual(await read(server.url, one), older.slice(-1))
      await server.psql('UPDATE rows SET flag = false WHERE id = 7')
      assert.notDeepEqual(await read(server.url, again), older)
      await server.psql('UPDATE rows SET flag = true WHERE id = 7')
    }
  },
)

/** A user who may do no more than make a table of their own, and whose casts would be run by whoever reads it. */
const trap = `
  CREATE SCHEMA trap;
  CREATE TABLE trap.log (who name);
  CREATE TYPE trap.pair AS (a int, b int);
  CREATE TABLE trap.rows (id int, pair trap.pair, pairs trap.pair[]);
  INSERT INTO trap.rows VALUES (1, (1, 2), ARRAY[(1, 2)::trap.pair]);
  CREATE FUNCTION trap.spring(trap.pair) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'sprung by %', current_user; END $$;
  CREATE FUNCTION trap.spring(trap.pair[]) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'sprung by %', current_user; END $$;
  CREATE FUNCTION trap.spring(trap.rows) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE 'sprung by %', current_user; END $$;
  CREATE CAST (trap.pair AS text) WITH FUNCTION trap.spring(trap.pair) AS IMPLICIT;
  CREATE CAST (trap.pair[] AS text) WITH FUNCTION trap.spring(trap.pair[]) AS IMPLICIT;
  CREATE CAST (trap.rows AS text) WITH FUNCTION trap.spring(trap.rows) AS IMPLICIT;
  CREATE FUNCTION trap.hashint4extended(int, bigint) RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RAISE 'sprung by %', current_user; END $$;
  ALTER DATABASE postgres SET search_path = trap, pg_catalog;`

postgresqlTest('readTables() runs no code of the tables’ owners', { versions: [15, 18] }, async ({ server }) => {
  await server.psql(trap)
  for (const rowDigest of ['seeds', 'columns', 'text'] as const) {
    const tables = async (): Promise<TableManifest | undefined> =>
      (await read(server.url, { kind: 'as before', tables: [], others: 'read', rowDigest })).find(
        ({ name }) => name === 'trap.rows',
      )
    const before = await tables()
    assert.equal(before?.sampled, undefined, rowDigest)
    await server.psql('UPDATE trap.rows SET pair.b = (pair).b + 1')
    const after = await tables()
    assert.equal(after?.sampled, undefined, rowDigest)
    assert.notEqual(after?.digest, before?.digest, rowDigest)
  }
})

postgresqlTest(
  'readTables() reads no view that took the place of a table meanwhile',
  { versions: [15, 18] },
  async ({ server }) => {
    await server.psql('CREATE TABLE rows (id int); CREATE FUNCTION spring() RETURNS int LANGUAGE sql RETURN 1')
    await using session = await DatabaseSession.open({ url: server.url }, 'postgres', signal)
    await session.beginView()
    await session.query('SELECT 1') // From now on the view has the table.
    await server.psql('DROP TABLE rows; CREATE VIEW rows AS SELECT spring() AS id')
    const { rows: count, sampled } = rowsOf(await readTables(session, all))
    assert.equal(count, 0)
    assert.match(sampled!, /^not read: /)
  },
)

postgresqlTest(
  'readTables() samples by blocks, and reads the same ones again',
  { versions: [18] },
  async ({ server }) => {
    await server.psql("CREATE TABLE rows AS SELECT g AS id, repeat('x', 500) AS t FROM generate_series(1, 5000) g")
    const tables = await read(server.url, { kind: 'sample', tableBytesMax: 20 * 8192 })
    const { sampled, rows: count } = rowsOf(tables)
    assert.match(sampled!, /^blocks 0-1, /)
    assert.ok(count > 100 && count < 1000, `${count}`)
    const again: TableReading = { kind: 'as before', tables, others: 'read', rowDigest: 'seeds' }
    assert.deepEqual(await read(server.url, again), tables)
    await server.psql("UPDATE rows SET t = 'y' WHERE ctid = '(0,1)'")
    assert.notDeepEqual(await read(server.url, again), tables)
  },
)
