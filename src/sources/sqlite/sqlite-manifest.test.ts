import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { test } from 'node:test'
import { changeDatabase, makeSampleDatabase } from '../../../testing/sample-database.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { compareSqliteManifests } from './compare-manifests.ts'
import { sqliteManifestOf } from './sqlite-manifest.ts'

test('sqliteManifestOf() counts every table, those behind virtual tables too', async () => {
  await using folder = temporaryFolder('manifest')
  makeSampleDatabase(folder.at('db'))
  const manifest = sqliteManifestOf(folder.at('db'))
  const rows = Object.fromEntries(manifest.tables.map((table) => [table.name, table.rows]))
  assert.equal(rows['items'], 3002)
  assert.equal(rows['pairs'], 50)
  assert.equal(rows['empty'], 0)
  assert.equal(rows[`odd "name" 'ü'`], 4)
  assert.equal(rows['sqlite_sequence'], 1)
  assert.equal(rows['texts_content'], 2)
  assert.equal(rows['boxes_rowid'], 1)
  assert.equal(rows['texts'], undefined)
  assert.deepEqual([manifest.userVersion, manifest.applicationId, manifest.pageSize], [7, 99, 4096])
})

test('sqliteManifestOf() of the same content in other places of the file has the same digests', async () => {
  await using folder = temporaryFolder('manifest')
  makeSampleDatabase(folder.at('db'))
  const before = sqliteManifestOf(folder.at('db'))
  changeDatabase(folder.at('db'), 'DELETE FROM items WHERE id % 2 = 0; VACUUM; PRAGMA journal_mode = delete')
  const half = sqliteManifestOf(folder.at('db'))
  assert.notDeepEqual(half.tables, before.tables)
  makeSampleDatabase(folder.at('other'), { journalMode: 'delete' })
  changeDatabase(folder.at('other'), 'DELETE FROM items WHERE id % 2 = 0')
  const other = sqliteManifestOf(folder.at('other'))
  assert.deepEqual(other.tables, half.tables)
  assert.equal(other.schemaDigest, half.schemaDigest)
  assert.notEqual(other.pages, half.pages)
})

const changes: Record<string, string> = {
  'a row more': `INSERT INTO empty VALUES (NULL)`,
  'a row less': `DELETE FROM pairs WHERE b = 9`,
  'a number for its text': `UPDATE items SET anything = CAST(anything AS TEXT) WHERE id = 4`,
  'a number for the same real': `UPDATE items SET anything = 4.0 WHERE id = 4`,
  'NULL for an empty text': `UPDATE items SET anything = NULL WHERE id = 5`,
  'a blob for the same text': `UPDATE items SET anything = x'' WHERE id = 5`,
  'the last bit of a real': `UPDATE items SET price = price * (1 + 2.3e-16) WHERE id = 3`,
  'what is behind a zero byte': `UPDATE "odd ""name"" 'ü'" SET rowid = 'a' || char(0) || 'c' WHERE value = x'00ff'`,
  'an integer beyond doubles': `UPDATE "odd ""name"" 'ü'" SET value = 9223372036854775806 WHERE rowid = 1`,
  'the end of a long blob': `UPDATE items SET image = CAST(zeroblob(999999) || x'01' AS BLOB) WHERE length(image) = 1000000`,
  'the type of a long value': `UPDATE items SET name = CAST(name AS BLOB) WHERE length(name) = 20000`,
  'a key that is moved': `UPDATE items SET id = 100000 WHERE id = 10`,
  'values changed about': `UPDATE items SET name = CASE id WHEN 1 THEN 'item 2' ELSE 'item 1' END WHERE id IN (1, 2)`,
  'a table without rowid': `UPDATE pairs SET value = 'other' WHERE b = 10`,
  'a virtual table': `UPDATE texts SET body = 'some words to be lost' WHERE rowid = 1`,
  'the schema': `CREATE INDEX items_by_price ON items (price)`,
  user_version: `PRAGMA user_version = 8`,
  application_id: `PRAGMA application_id = 100`,
}

test('sqliteManifestOf() differs where anything in the content does, and compareSqliteManifests() says where', async () => {
  await using folder = temporaryFolder('manifest')
  makeSampleDatabase(folder.at('db'), { rows: 100 })
  const before = sqliteManifestOf(folder.at('db'))
  assert.deepEqual(compareSqliteManifests(before, sqliteManifestOf(folder.at('db'))), [])
  for (const [name, sql] of Object.entries(changes)) {
    copyFileSync(folder.at('db'), folder.at('changed'))
    changeDatabase(folder.at('changed'), sql)
    const differences = compareSqliteManifests(before, sqliteManifestOf(folder.at('changed')))
    assert.notDeepEqual(differences, [], name)
  }
  const withoutEmpty = { ...before, tables: before.tables.filter((table) => table.name !== 'empty') }
  assert.deepEqual(compareSqliteManifests(before, withoutEmpty), ['table "empty" is missing'])
  assert.deepEqual(compareSqliteManifests(withoutEmpty, before), ['table "empty" was not there'])
})

test('sqliteManifestOf() reads tables of very many columns, and other encodings of text', async () => {
  await using folder = temporaryFolder('manifest')
  const columns = Array.from({ length: 1900 }, (_, at) => `c${at}`)
  changeDatabase(
    folder.at('wide'),
    `PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (${columns.join(', ')}); INSERT INTO t (c0, c1899) VALUES ('ü', 1), ('x', 2)`,
  )
  const before = sqliteManifestOf(folder.at('wide'))
  assert.deepEqual(
    before.tables.map(({ name, rows }) => [name, rows]),
    [['t', 2]],
  )
  changeDatabase(folder.at('wide'), `UPDATE t SET c1899 = 3 WHERE c0 = 'x'`)
  assert.equal(compareSqliteManifests(before, sqliteManifestOf(folder.at('wide'))).length, 1)
})
