import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { backUpDatabase, bringDatabase } from '../../../testing/back-up-database.ts'
import { backUpPaths } from '../../../testing/back-up-folder.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { changeDatabase, makeSampleDatabase } from '../../../testing/sample-database.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { withSqliteWriter } from '../../../testing/with-sqlite-writer.ts'
import { isFailure } from '../../base/failure.ts'
import { encodeManifest } from '../../model/manifest-json.ts'
import { putInPlace } from '../../sources/sqlite/put-in-place.ts'
import { sqliteManifestOf } from '../../sources/sqlite/sqlite-manifest.ts'

test('restoreSqlite() puts a database in place of one that a crash left with its log, and may keep that', async () => {
  await using folder = temporaryFolder('sqlite')
  makeSampleDatabase(folder.at('db'), { rows: 300 })
  const repository = await freshRepository()
  const report = await backUpDatabase(repository, folder)
  for (const old of ['keep', 'remove'] as const) {
    mkdirSync(folder.at(old))
    const application = new DatabaseSync(folder.at('db'))
    application.exec(`INSERT INTO empty VALUES ('later')`)
    for (const suffix of ['', '-wal', '-shm']) copyFileSync(folder.at(`db${suffix}`), folder.at(old, `db${suffix}`))
    application.close()
    const withLog = statSync(folder.at(old, 'db-wal')).size
    assert.ok(withLog > 0)
    const path = folder.at(old, 'db')
    const { manifest, oldPath, bytes } = await bringDatabase(repository, report, { path, old })
    assert.deepEqual(manifest, report.manifest)
    assert.equal(bytes, statSync(path).size)
    assert.deepEqual(sqliteManifestOf(path), report.manifest)
    const kept = ['db.zakops-run-1.old', 'db.zakops-run-1.old-wal']
    assert.deepEqual(readdirSync(folder.at(old)).toSorted(), old === 'keep' ? ['db', ...kept] : ['db'])
    assert.equal(oldPath, old === 'keep' ? `${path}.zakops-run-1.old` : undefined)
    if (oldPath === undefined) continue
    const database = new DatabaseSync(oldPath)
    assert.deepEqual({ ...database.prepare(`SELECT count(*) AS n FROM empty WHERE x = 'later'`).get() }, { n: 1 })
    database.close()
  }
})

test('restoreSqlite() refuses while another process has the database open, and replaces it where that is meant', async () => {
  await using folder = temporaryFolder('sqlite')
  makeSampleDatabase(folder.at('db'), { rows: 300 })
  const repository = await freshRepository()
  const report = await backUpDatabase(repository, folder)
  await withSqliteWriter(folder.at('db'), 50, async () => {
    await assert.rejects(bringDatabase(repository, report, { path: folder.at('db') }), (error) => {
      return isFailure(error, 'database_busy') && /open in process \S+ \(\d+\)/.test(error.message)
    })
    assert.deepEqual(readdirSync(folder.path).toSorted(), ['db', 'db-shm', 'db-wal', 'work'])
    await bringDatabase(repository, report, { path: folder.at('db'), whileOpen: 'replace' })
  })
  assert.deepEqual(sqliteManifestOf(folder.at('db')), report.manifest)
})

test('restoreSqlite() leaves what is there where what it restored is not what the manifest says', async () => {
  await using folder = temporaryFolder('sqlite')
  makeSampleDatabase(folder.at('db'), { rows: 300, journalMode: 'delete' })
  const repository = await freshRepository()
  const manifest = encodeManifest(sqliteManifestOf(folder.at('db')))
  changeDatabase(folder.at('db'), 'UPDATE items SET price = 3 WHERE id = 3')
  const before = readFileSync(folder.at('db'))
  const changes = { workingDirectory: folder.path, attach: async () => [{ name: 'manifest.json', content: manifest }] }
  const wrong = await backUpPaths(repository, ['db'], changes)
  await assert.rejects(bringDatabase(repository, wrong, { path: folder.at('db') }), (error) => {
    return isFailure(error, 'not_proven') && error.message.includes('table "items"')
  })
  const without = await backUpPaths(repository, ['db'], { workingDirectory: folder.path })
  await assert.rejects(bringDatabase(repository, without, { path: folder.at('db') }), (error) => {
    return isFailure(error, 'not_proven') && error.message.includes('no manifest')
  })
  assert.deepEqual(readdirSync(folder.path), ['db'])
  assert.ok(before.equals(readFileSync(folder.at('db'))))
})

test('restoreSqlite() refuses a snapshot that is none of a database, and a place that can not be written', async () => {
  await using folder = temporaryFolder('sqlite')
  makeSampleDatabase(folder.at('db'), { rows: 300 })
  mkdirSync(folder.at('files'))
  const repository = await freshRepository()
  const files = await backUpPaths(repository, ['files'], { workingDirectory: folder.path })
  await assert.rejects(bringDatabase(repository, files, { path: folder.at('back') }), (error) =>
    isFailure(error, 'path_missing'),
  )
  const report = await backUpDatabase(repository, folder)
  writeFileSync(folder.at('file'), '')
  await assert.rejects(bringDatabase(repository, report, { path: folder.at('file', 'db') }), (error) =>
    isFailure(error, 'target_failed'),
  )
})

test('restoreSqlite() may be done again after it was killed at any step of putting the database in place', async () => {
  await using folder = temporaryFolder('sqlite')
  makeSampleDatabase(folder.at('db'), { rows: 300 })
  const repository = await freshRepository()
  const report = await backUpDatabase(repository, folder)
  const application = new DatabaseSync(folder.at('db'))
  application.exec(`INSERT INTO empty VALUES ('later')`)
  const names = ['db', 'db-wal', 'db-shm']
  const aside = 'db.zakops-run-1.old'
  // What lies there after each step: the files that are moved already.
  for (const moved of [[], ['db'], ['db', 'db-wal'], ['db', 'db-wal', 'db-shm']]) {
    const place = `after-${moved.length}`
    mkdirSync(folder.at(place, 'db.zakops-run-1'), { recursive: true })
    for (const name of names) {
      const target = moved.includes(name) ? name.replace('db', aside) : name
      if (target !== `${aside}-shm`) copyFileSync(folder.at(name), folder.at(place, target))
    }
    if (moved.length > 0) {
      // An application that comes now finds no database, and nothing of the old one's log in its new one.
      mkdirSync(folder.at(place, 'other'))
      for (const name of names.filter((candidate) => !moved.includes(candidate))) {
        copyFileSync(folder.at(place, name), folder.at(place, 'other', name))
      }
      const fresh = new DatabaseSync(folder.at(place, 'other', 'db'))
      assert.deepEqual({ ...fresh.prepare('SELECT count(*) AS n FROM sqlite_schema').get() }, { n: 0 })
      fresh.close()
    }
    const { oldPath } = await bringDatabase(repository, report, { path: folder.at(place, 'db'), old: 'keep' })
    assert.deepEqual(sqliteManifestOf(folder.at(place, 'db')), report.manifest)
    assert.equal(oldPath, folder.at(place, aside))
    const old = new DatabaseSync(oldPath)
    const found = old.prepare(`SELECT count(*) AS n FROM empty WHERE x = 'later'`).get()
    assert.deepEqual({ ...found }, { n: 1 }, place)
    old.close()
  }
  application.close()
})

test('putInPlace() puts a database where there was none, and in place of one without a log', async () => {
  await using folder = temporaryFolder('sqlite')
  for (const old of ['keep', 'remove'] as const) {
    makeSampleDatabase(folder.at('new'), { rows: 10, journalMode: 'delete' })
    putInPlace({ from: folder.at('new'), path: folder.at('db'), aside: folder.at(`${old}.old`), old })
    assert.deepEqual(sqliteManifestOf(folder.at('db')).userVersion, 7)
    changeDatabase(folder.at('db'), 'PRAGMA user_version = 1')
  }
  assert.deepEqual(readdirSync(folder.path), ['db'])
  makeSampleDatabase(folder.at('new'), { rows: 10, journalMode: 'delete' })
  putInPlace({ from: folder.at('new'), path: folder.at('db'), aside: folder.at('old'), old: 'keep' })
  assert.equal(sqliteManifestOf(folder.at('old')).userVersion, 1)
  assert.equal(sqliteManifestOf(folder.at('db')).userVersion, 7)
})
