import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isFailure } from '../../base/failure.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { SandboxSession } from './sandbox-session.ts'

postgresqlTest(
  'SandboxSession asks over one connection, and over a new one where that was ended',
  { versions: [18] },
  async ({ server }) => {
    await using session = new SandboxSession(server.url)
    const ask = async (): Promise<string> => (await session.query('select pg_backend_pid() as pid'))[0]!.pid!
    const first = await ask()
    assert.equal(await ask(), first)
    await server.psql(`select pg_terminate_backend(${first}, 10000)`)
    const second = await ask()
    assert.notEqual(second, first)
    await assert.rejects(session.query('select 1 / 0'), (error) => isFailure(error, 'database_unreadable'))
    const third = await ask()
    await server.stop('kill')
    // What serves the session sees a little later that its first process is gone, and answers until then.
    while (existsSync(`/proc/${third}`)) await sleep(10)
    await assert.rejects(ask(), (error) => isFailure(error, 'connection_failed'))
    await server.start()
    assert.notEqual(await ask(), third)
  },
)
