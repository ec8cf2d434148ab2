import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { assertSound, reopened, storedEntries } from '../../../testing/back-up-folder.ts'
import { backUpDatabase, bringDatabase, laterClock } from '../../../testing/back-up-database.ts'
import { cheapCost, freshRepository } from '../../../testing/fresh-repository.ts'
import { findRestics } from '../../../testing/restic.ts'
import { changeDatabase, makeSampleDatabase } from '../../../testing/sample-database.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { withSqliteWriter } from '../../../testing/with-sqlite-writer.ts'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
import { decodeManifest } from '../../model/manifest-json.ts'
import { packObjectName } from '../../repository/object-kind.ts'
import { initRepository } from '../../repository/init-repository.ts'
import { sqliteManifestOf } from '../../sources/sqlite/sqlite-manifest.ts'
import { createLocalFolder } from '../../storage/local/local-folder.ts'
import { localStorage } from '../../storage/local/local-storage.ts'
import { readAttachment } from '../attachments.ts'
import type { SqliteBackupReport } from './back-up-sqlite.ts'

const signal = neverStopped()
test('backUpSqlite() stores a consistent copy with what is in the log still, and restoreSqlite() brings it back', async () => {
  await using folder = temporaryFolder('sqlite')
  makeSampleDatabase(folder.at('db'))
  chmodSync(folder.at('db'), 0o640)
  const application = new DatabaseSync(folder.at('db'))
  application.exec(`PRAGMA wal_autocheckpoint = 0; INSERT INTO empty VALUES ('only in the log')`)
  assert.ok(statSync(folder.at('db-wal')).size > 0)
  const repository = await freshRepository()
  const bytesBefore = statSync(folder.at('db')).mtimeMs
  const report = await backUpDatabase(repository, folder)
  assert.deepEqual(readdirSync(folder.path).toSorted(), ['db', 'db-shm', 'db-wal', 'work'])
  assert.deepEqual(readdirSync(folder.at('work')), [])
  assert.equal(statSync(folder.at('db')).mtimeMs, bytesBefore)
  assert.equal(report.manifest.tables.find(({ name }) => name === 'empty')?.rows, 1)

  const snapshot = await repository.loadSnapshot(report.snapshotId!, signal)
  assert.deepEqual(snapshot.paths, [folder.at('db')])
  const entries = await storedEntries(repository, report.tree)
  assert.deepEqual(
    [...entries.keys()],
    ['.zakops-backup', '.zakops-backup/manifest.json', '.zakops-backup/source.json', 'db'],
  )
  const { node } = entries.get('db')!
  assert.equal(node.mode, 0o640)
  assert.equal(node.uid, statSync(folder.at('db')).uid)
  assert.equal(Date.parse(node.mtime!), Math.floor(statSync(folder.at('db')).mtimeMs))
  assert.deepEqual(
    decodeManifest((await readAttachment(repository, snapshot, 'manifest.json', signal))!),
    report.manifest,
  )

  const restored = await bringDatabase(await reopened(repository), report, { path: folder.at('back', 'db') })
  assert.deepEqual(restored.manifest, report.manifest)
  assert.deepEqual(sqliteManifestOf(folder.at('back', 'db')), report.manifest)
  const other = new DatabaseSync(folder.at('back', 'db'))
  assert.deepEqual({ ...other.prepare('PRAGMA journal_mode').get() }, { journal_mode: 'wal' })
  assert.deepEqual({ ...other.prepare('SELECT * FROM empty').get() }, { x: 'only in the log' })
  other.close()
  application.close()
  await assertSound(repository)
})

test('backUpSqlite() recognises a database that nobody wrote to, and no other', async () => {
  await using folder = temporaryFolder('sqlite')
  makeSampleDatabase(folder.at('db'))
  const repository = await freshRepository()
  const first = await backUpDatabase(repository, folder)
  assert.equal(first.isUnchanged, false)
  const second = await backUpDatabase(repository, folder)
  assert.equal(second.isUnchanged, true)
  assert.equal(second.tree, first.tree)
  assert.equal(second.parentId, first.snapshotId)
  assert.deepEqual(second.manifest, first.manifest)
  assert.equal(second.summary.total_bytes_processed, first.summary.total_bytes_processed)
  assert.equal((await backUpDatabase(repository, folder, { kind: 'full' })).isUnchanged, false)
  assert.equal((await backUpDatabase(repository, folder, { parent: 'none' })).isUnchanged, false)

  const application = new DatabaseSync(folder.at('db'))
  application.exec(`INSERT INTO empty VALUES (1)`)
  const third = await backUpDatabase(repository, folder)
  assert.equal(third.isUnchanged, false)
  assert.equal(third.manifest.tables.find(({ name }) => name === 'empty')?.rows, 1)
  assert.equal((await backUpDatabase(repository, folder)).isUnchanged, true)
  application.exec(`UPDATE empty SET x = 2`)
  assert.equal((await backUpDatabase(repository, folder)).isUnchanged, false)
  application.exec(`PRAGMA wal_checkpoint(restart); UPDATE empty SET x = 3`)
  assert.equal((await backUpDatabase(repository, folder)).isUnchanged, false)
  application.close()
  await assertSound(repository)
})

test('backUpSqlite() does not recognise a database that was written to just before it was read', async () => {
  await using folder = temporaryFolder('sqlite')
  makeSampleDatabase(folder.at('db'), { journalMode: 'delete' })
  const repository = await freshRepository()
  // A write within the same tick of the file system's clock would leave the same times and size.
  await backUpDatabase(repository, folder, {}, systemClock)
  assert.equal((await backUpDatabase(repository, folder)).isUnchanged, false)
  assert.equal((await backUpDatabase(repository, folder)).isUnchanged, true)
})

test('backUpSqlite() copies again where the repository lost something of the parent', async () => {
  await using folder = temporaryFolder('sqlite')
  makeSampleDatabase(folder.at('db'))
  const repository = await freshRepository()
  const first = await backUpDatabase(repository, folder, { packBytes: 64 * 1024 })
  const ids = (await storedEntries(repository, first.tree)).get('db')!.node.content!
  const entry = repository.index.find(ids[3]!, 'data')
  const { packId } = repository.index.location(entry)
  await repository.storage.put(packObjectName(packId), Buffer.alloc(100), { whenPresent: 'replace' }, signal)
  const other = await reopened(repository)
  const full = await backUpDatabase(other, folder, { kind: 'full' })
  assert.deepEqual(full.packsWithdrawn, [packId])
  await bringDatabase(other, full, { path: folder.at('back') })
  other.index.withdrawPacks([other.index.location(other.index.find(ids[5]!, 'data')).packId])
  assert.equal((await backUpDatabase(other, folder)).isUnchanged, false)
})

test('backUpSqlite() stores again only the pages that changed', async () => {
  await using folder = temporaryFolder('sqlite')
  makeSampleDatabase(folder.at('db'), { journalMode: 'delete', rows: 60_000 })
  const repository = await freshRepository()
  await backUpDatabase(repository, folder)
  changeDatabase(folder.at('db'), `UPDATE items SET price = 1 WHERE id = 100`)
  const { summary, manifest } = await backUpDatabase(repository, folder)
  assert.ok(manifest.pages * manifest.pageSize > 4_000_000)
  assert.ok(summary.data_added < 200_000, `${summary.data_added} bytes were added`)
})

const unreadable: Record<string, { make: (folder: TemporaryFolder) => void; code: string; says: RegExp }> = {
  'that is not there': { make: () => {}, code: 'source_unreadable', says: /there is no such file/ },
  'that is a symlink': {
    make: (folder) => {
      makeSampleDatabase(folder.at('real'))
      symlinkSync(folder.at('real'), folder.at('db'))
    },
    code: 'database_unreadable',
    says: /it is a symlink/,
  },
  'that is a folder': {
    make: (folder) => mkdirSync(folder.at('db')),
    code: 'database_unreadable',
    says: /no regular file/,
  },
  'of no bytes': {
    make: (folder) => writeFileSync(folder.at('db'), ''),
    code: 'database_unreadable',
    says: /no bytes/,
  },
  'that is something else': {
    make: (folder) => writeFileSync(folder.at('db'), randomBytes(20_000)),
    code: 'database_unreadable',
    says: /no SQLite database, or it is encrypted/,
  },
  'that is cut off': {
    make: (folder) => {
      makeSampleDatabase(folder.at('whole'), { journalMode: 'delete' })
      copyFileSync(folder.at('whole'), folder.at('db'))
      spawnSync('truncate', ['-s', '100000', folder.at('db')])
    },
    code: 'database_unreadable',
    says: /malformed|integrity/,
  },
  'with a row that its index has not': {
    make: (folder) => {
      makeSampleDatabase(folder.at('db'), { journalMode: 'delete' })
      changeDatabase(
        folder.at('db'),
        `PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'items_by_name'; PRAGMA writable_schema = RESET; DELETE FROM items WHERE id = 9`,
      )
      changeDatabase(
        folder.at('db'),
        `PRAGMA writable_schema = ON; INSERT INTO sqlite_schema SELECT 'index', 'items_by_name', 'items', rootpage + 1, 'CREATE INDEX items_by_name ON items (name)' FROM sqlite_schema WHERE name = 'items'`,
      )
    },
    code: 'database_unreadable',
    says: /integrity check says: .*index/,
  },
}

for (const [name, { make, code, says }] of Object.entries(unreadable)) {
  test(`backUpSqlite() of a database ${name} fails, says why, and makes no snapshot`, async () => {
    await using folder = temporaryFolder('sqlite')
    make(folder)
    const repository = await freshRepository()
    await assert.rejects(backUpDatabase(repository, folder), (error) => {
      assert.ok(isFailure(error), String(error))
      assert.equal(error.code, code, error.message)
      assert.match(error.message, says)
      return true
    })
    assert.deepEqual(await repository.listSnapshots(signal), [])
    assert.deepEqual(existsSync(folder.at('work')) ? readdirSync(folder.at('work')) : [], [])
  })
}

test('backUpSqlite() of a database that another process holds locked is busy, and one with a hot journal is refused', async () => {
  await using folder = temporaryFolder('sqlite')
  makeSampleDatabase(folder.at('db'), { journalMode: 'delete' })
  const repository = await freshRepository()
  const application = new DatabaseSync(folder.at('db'))
  application.exec(`PRAGMA cache_size = 1; BEGIN EXCLUSIVE; UPDATE items SET price = 0`)
  await assert.rejects(backUpDatabase(repository, folder), (error) => isFailure(error, 'database_busy'))
  // What a crash in the middle of that transaction would leave.
  mkdirSync(folder.at('crashed'))
  for (const name of ['db', 'db-journal']) copyFileSync(folder.at(name), folder.at('crashed', name))
  application.exec('ROLLBACK')
  application.close()
  await assert.rejects(backUpDatabase(repository, folder, { path: folder.at('crashed', 'db') }), (error) => {
    return isFailure(error, 'database_unreadable') && /journal/.test(`${error.message}${String(error.facts['hint'])}`)
  })
  assert.deepEqual(await repository.listSnapshots(signal), [])
})

test('backUpSqlite() that is stopped makes no snapshot and leaves no copy', async () => {
  await using folder = temporaryFolder('sqlite')
  makeSampleDatabase(folder.at('db'))
  const repository = await freshRepository()
  const stopping = new AbortController()
  const backing = backUpDatabase(repository, folder, {}, laterClock, stopping.signal)
  stopping.abort()
  await assert.rejects(backing)
  assert.deepEqual(await repository.listSnapshots(signal), [])
  assert.deepEqual(existsSync(folder.at('work')) ? readdirSync(folder.at('work')) : [], [])
})

for (const [journalMode, rounds] of [
  ['wal', 5],
  ['delete', 2],
] as const) {
  test(`backUpSqlite() under a writer in mode ${journalMode} holds the transactions up to one of them`, async () => {
    await using folder = temporaryFolder('sqlite')
    makeSampleDatabase(folder.at('db'), { rows: 5000, journalMode })
    const repository = await freshRepository()
    const reports: SqliteBackupReport[] = []
    const work = async (): Promise<void> => {
      for (let round = 0; round < rounds; round++) {
        reports.push(await backUpDatabase(repository, folder, { busyMs: 10_000 }))
      }
    }
    const writer = await withSqliteWriter(folder.at('db'), 500, work, journalMode)
    assert.equal(writer.refused, 0, 'the writer met a lock')
    let last = 0
    for (const [round, report] of reports.entries()) {
      const path = folder.at(`back-${round}`, 'db')
      await bringDatabase(repository, report, { path })
      const database = new DatabaseSync(path, { readOnly: true })
      const { number, rows, highest } = database
        .prepare(
          'SELECT number, (SELECT count(*) FROM log) AS rows, (SELECT max(number) FROM log) AS highest FROM last',
        )
        .get() as { number: number; rows: number; highest: number | null }
      database.close()
      assert.deepEqual([rows, highest ?? 0], [number, number])
      assert.ok(number >= last && number <= writer.committed)
      last = number
    }
    assert.ok(last > 0)
  })
}

const [restic] = findRestics()
test('restic checks and restores what backUpSqlite() stored', {
  skip: restic === undefined ? 'no restic is on the PATH' : false,
}, async () => {
  await using folder = temporaryFolder('sqlite')
  makeSampleDatabase(folder.at('db'))
  await createLocalFolder(folder.at('repository'), signal)
  const origin = { hostname: 'host', username: 'user', clock: systemClock, random: randomBytes, cost: cheapCost }
  const storage = localStorage(folder.at('repository'))
  await using repository = await initRepository({ storage, version: 2, password: 'secret', ...origin }, signal)
  await backUpDatabase(repository, folder)
  const { manifest } = await backUpDatabase(repository, folder)
  const environment = { ...process.env, RESTIC_PASSWORD: 'secret', RESTIC_REPOSITORY: folder.at('repository') }
  for (const words of [
    ['check', '--read-data'],
    ['restore', 'latest', '--target', folder.at('back')],
  ]) {
    const { status, stderr } = spawnSync(restic!.path, ['--no-cache', ...words], { env: environment })
    assert.equal(status, 0, stderr.toString())
  }
  assert.deepEqual(sqliteManifestOf(folder.at('back', 'db')), manifest)
})
