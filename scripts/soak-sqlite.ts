import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { backUpDatabase, bringDatabase } from '../testing/back-up-database.ts'
import { freshRepository } from '../testing/fresh-repository.ts'
import { makeSampleDatabase } from '../testing/sample-database.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { withSqliteWriter } from '../testing/with-sqlite-writer.ts'
import type { SqliteBackupReport } from '../src/operations/sqlite/back-up-sqlite.ts'

/** Transactions a second. */
const perSecond = 500

/**
 * So many backups of a database while another process writes to it. Each is restored, passes the integrity check, has the manifest of its
 * backup, and holds exactly the transactions up to one of them. The writer waits for no lock: one that is held is an
 * error to it, and none may come.
 */
export async function soakSqlite(count: number): Promise<void> {
  if (count === 0) return
  await using folder = temporaryFolder('soak')
  makeSampleDatabase(folder.at('db'), { rows: 100_000 })
  const repository = await freshRepository()
  let last = 0
  const writer = await withSqliteWriter(folder.at('db'), perSecond, async () => {
    for (let round = 1; round <= count; round++) {
      const report = await backUpDatabase(repository, folder, round % 10 === 0 ? { kind: 'full' } : {})
      last = await proveRound(folder.at('back', 'db'), report, repository, last)
      console.log(`SQLite ${round}: ${last} transactions, ${report.summary.data_added} bytes added: restored, equal`)
    }
  })
  assert.equal(writer.refused, 0, 'the writer met a lock')
  assert.ok(writer.committed >= last)
  console.log(
    `SQLite: ${count} backups under a writer of ${writer.committed} transactions, which met no lock; ` +
      `its longest transaction took ${writer.longestMs.toFixed(1)} ms, the machine's other load included`,
  )
}

async function proveRound(
  path: string,
  report: SqliteBackupReport,
  repository: Awaited<ReturnType<typeof freshRepository>>,
  last: number,
): Promise<number> {
  await bringDatabase(repository, report, { path })
  const database = new DatabaseSync(path, { readOnly: true })
  const row = database
    .prepare('SELECT number, (SELECT count(*) FROM log) AS rows, (SELECT max(number) FROM log) AS highest FROM last')
    .get() as { number: number; rows: number; highest: number | null }
  database.close()
  assert.deepEqual([row.rows, row.highest ?? 0], [row.number, row.number], 'it holds a part of a transaction')
  assert.ok(row.number >= last, 'it holds less than the backup before')
  return row.number
}
