import assert from 'node:assert/strict'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { askRestoredServer } from './ask-restored-server.ts'

postgresqlTest(
  'askRestoredServer() answers the first value of the first row, whatever the columns are called',
  { versions: [18] },
  async ({ server }) => {
    const ask = askRestoredServer({ url: server.url }, { url: server.url })
    const answers = [
      ['SELECT 5 AS max, 6 AS max', '5'],
      ['SELECT 2 AS "10", 1 AS "1"', '2'],
      ['SET lock_timeout = 0; SELECT 7', '7'],
      ['SELECT NULL', undefined],
      ['SELECT 1 WHERE false', undefined],
      ['SELECT', undefined],
      ['SET lock_timeout = 0', undefined],
    ] as const
    for (const [question, answer] of answers) assert.equal(await ask(question, neverStopped()), answer, question)
    await assert.rejects(ask('SELECT nothing', neverStopped()), (error) => isFailure(error, 'database_unreadable'))
  },
)
