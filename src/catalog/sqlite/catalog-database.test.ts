import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { isFailure } from '../../base/failure.ts'
import { openCatalogDatabase } from './catalog-database.ts'
import { sqliteFailure } from './sqlite-failure.ts'

function tables(database: DatabaseSync): unknown[] {
  const rows = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all()
  return rows.map(({ name }) => name)
}

test('openCatalogDatabase() applies each step once and keeps what is there', async () => {
  await using folder = temporaryFolder('catalog')
  const path = folder.at('state', 'a')
  const steps = ["CREATE TABLE a (x); INSERT INTO a VALUES ('kept')", 'CREATE TABLE b AS SELECT x FROM a']
  openCatalogDatabase(path, steps.slice(0, 1)).close()
  openCatalogDatabase(path, steps).close()
  const database = openCatalogDatabase(path, steps)
  assert.deepEqual(tables(database), ['a', 'b'])
  assert.equal(database.prepare('SELECT count(*) AS count FROM b').get()!.count, 1)
  database.close()
})

test('openCatalogDatabase() leaves nothing of a step that fails, and goes on from there later', async () => {
  await using folder = temporaryFolder('catalog')
  const path = folder.at('state', 'a')
  const bad = ['CREATE TABLE a (x)', 'CREATE TABLE b (x); INSERT INTO nowhere VALUES (1)']
  assert.throws(
    () => openCatalogDatabase(path, bad),
    (error) => isFailure(error, 'catalog_unreadable'),
  )
  const database = openCatalogDatabase(path, bad.slice(0, 1))
  assert.deepEqual(tables(database), ['a'])
  database.close()
  const mended = openCatalogDatabase(path, [bad[0]!, 'CREATE TABLE b (x)'])
  assert.deepEqual(tables(mended), ['a', 'b'])
  mended.close()
})

test('openCatalogDatabase() syncs each commit and writes a log ahead', async () => {
  await using folder = temporaryFolder('catalog')
  const database = openCatalogDatabase(folder.at('state', 'a'))
  assert.equal(database.prepare('PRAGMA journal_mode').get()!.journal_mode, 'wal')
  assert.equal(database.prepare('PRAGMA synchronous').get()!.synchronous, 2)
  database.close()
})

test('openCatalogDatabase() waits for another process that is making the catalog', async () => {
  await using folder = temporaryFolder('catalog')
  const path = folder.at('a')
  writeFileSync(path, '', { mode: 0o600 })
  const holding = `
    const { DatabaseSync } = require('node:sqlite')
    const { parentPort, workerData } = require('node:worker_threads')
    const database = new DatabaseSync(workerData)
    database.exec('BEGIN IMMEDIATE')
    parentPort.postMessage('locked')
    setTimeout(() => database.exec('COMMIT'), 200)`
  const other = new Worker(holding, { eval: true, workerData: path })
  const ended = once(other, 'exit')
  await once(other, 'message')
  const database = openCatalogDatabase(path, ['CREATE TABLE a (x)'])
  assert.deepEqual(tables(database), ['a'])
  database.close()
  await ended
})

test('openCatalogDatabase() says what is in the way', async () => {
  await using folder = temporaryFolder('catalog')
  mkdirSync(folder.at('is-a-folder'))
  for (const path of [folder.at('is-a-folder'), '/proc/no/such/folder/a']) {
    assert.throws(
      () => openCatalogDatabase(path),
      (error) => isFailure(error) && error.message.startsWith('Cannot open the catalog "') && error.code !== 'defect',
      path,
    )
  }
})

test('sqliteFailure() knows a full disk and a locked file by SQLite’s own errors', async () => {
  await using folder = temporaryFolder('catalog')
  const path = folder.at('state', 'a')
  const database = openCatalogDatabase(path, ['CREATE TABLE a (x)'])
  const failureOf = (work: () => void): unknown => {
    try {
      work()
      return undefined
    } catch (error) {
      return sqliteFailure(error, 'write the catalog', path)
    }
  }
  database.exec('PRAGMA max_page_count = 4')
  const full = failureOf(() => database.exec('INSERT INTO a VALUES (zeroblob(100000))'))
  assert.ok(isFailure(full, 'storage_full'), String(full))
  const other = openCatalogDatabase(path, ['CREATE TABLE a (x)'])
  other.exec('PRAGMA busy_timeout = 0; BEGIN IMMEDIATE')
  database.exec('PRAGMA busy_timeout = 0')
  const busy = failureOf(() => database.exec('INSERT INTO a VALUES (1)'))
  assert.ok(isFailure(busy, 'database_busy') && busy.retry, String(busy))
  other.close()
  database.close()
})
