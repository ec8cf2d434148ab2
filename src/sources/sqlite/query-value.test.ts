import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { isFailure } from '../../base/failure.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { queryValue } from './query-value.ts'
import { SqliteWorkers } from './sqlite-workers.ts'

const neverAborted = new AbortController().signal

test('queryValue() answers the first value as text, exactly, and nothing for none', async () => {
  await using folder = temporaryFolder('query')
  const path = folder.at('a.db')
  const database = new DatabaseSync(path)
  database.exec('create table orders (id integer)')
  database.close()
  const answers = [
    ['select 1, 2', '1'],
    ['select 2, 1', '2'],
    ['select 5 as a, 6 as a', '5'],
    ['select 9007199254740993', '9007199254740993'],
    ['select 1.5', '1.5'],
    ["select 'paid'", 'paid'],
    ['select max(id) from orders', undefined],
    ['select id from orders', undefined],
  ] as const
  await using sqlite = new SqliteWorkers()
  for (const [sql, answer] of answers) {
    assert.equal(queryValue(path, sql), answer, sql)
    assert.equal(await sqlite.ask(path, sql, neverAborted), answer, sql)
  }
  for (const sql of ['select nothing', 'insert into orders values (1)']) {
    assert.throws(
      () => queryValue(path, sql),
      (error) => isFailure(error, 'database_unreadable'),
    )
    await assert.rejects(sqlite.ask(path, sql, neverAborted), (error) => isFailure(error, 'database_unreadable'))
  }
})
