import assert from 'node:assert/strict'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { neverStopped } from '../../base/abort.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import { damageServer } from './damage-server.ts'

const signal = neverStopped()

/** Whatever is done to a row is told elsewhere, as by a trigger that calls production. */
const tables = `
  CREATE TABLE told (what text);
  CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO told VALUES (tg_name); RETURN old; END $$;
  CREATE TABLE always (id int); INSERT INTO always VALUES (1);
  CREATE TRIGGER by_always BEFORE DELETE ON always FOR EACH ROW EXECUTE FUNCTION tell();
  ALTER TABLE always ENABLE ALWAYS TRIGGER by_always;
  CREATE TABLE rows (id int PRIMARY KEY); INSERT INTO rows VALUES (1), (2);
  CREATE TRIGGER by_rows AFTER DELETE ON rows FOR EACH ROW EXECUTE FUNCTION tell();
  CREATE TABLE heirs () INHERITS (rows); INSERT INTO heirs VALUES (3), (4), (5);
  CREATE TABLE others (id int REFERENCES rows ON DELETE CASCADE); INSERT INTO others VALUES (1), (1), (1), (2)`

function databases(names: Readonly<Record<string, number>>): PostgresqlManifest['databases'] {
  const one = { name: 'postgres', schemaDigest: '', extensions: [], sequences: [] }
  return [
    { ...one, tables: Object.entries(names).map(([name, rows]) => ({ name: `public.${name}`, rows, digest: '' })) },
  ]
}

postgresqlTest(
  'damageServer() removes one row of one table, and has nothing run that the cluster brings along',
  { versions: [18] },
  async ({ server }) => {
    await server.psql(tables)
    const counts = async (): Promise<string> =>
      await server.psql(
        'SELECT (SELECT count(*) FROM told), (SELECT count(*) FROM ONLY rows), (SELECT count(*) FROM heirs), (SELECT count(*) FROM others)',
      )
    const some = { always: 1, rows: 2, heirs: 3, others: 4 }
    const { table } = await damageServer({ url: server.url, databases: databases(some) }, signal)
    assert.deepEqual(table, { database: 'postgres', name: 'public.rows' })
    assert.equal(await counts(), '0|1|3|4')
    const added = await damageServer({ url: server.url, databases: databases({ always: 1 }) }, signal)
    assert.equal(added.table, undefined)
    assert.equal(await counts(), '0|1|3|4')
  },
)
