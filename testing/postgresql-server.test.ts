import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { isProcessAlive } from '../src/base/process-alive.ts'
import { noPostgresql, postgresqlTest } from './postgresql-test.ts'
import { postgresqlVersions, startPostgresqlServer } from './postgresql-server.ts'

postgresqlTest(
  'startPostgresqlServer() starts a private server that answers and obeys its settings',
  { versions: postgresqlVersions, settings: { work_mem: '7MB' }, initdb: ['--wal-segsize=1'] },
  async ({ server }) => {
    const settings = await server.psql(
      "select current_setting('server_version_num')::int / 10000; show work_mem; show wal_segment_size; show listen_addresses",
    )
    assert.equal(settings, `${server.version}\n7MB\n1MB\n`)
    assert.equal(await server.psql("select 1, null, 'a b' union all select 2, 'x', ''"), '1||a b\n2|x|')
    await assert.rejects(server.psql('select 1/0'), /division by zero/)
  },
)

test('a server is gone at the end of its block, and comes back after kill -9 within it', {
  skip: noPostgresql(15),
}, async () => {
  let folder = ''
  let pid = 0
  {
    await using server = await startPostgresqlServer({ version: 15 })
    folder = server.folder
    await server.psql('create table kept as select 1 as one; checkpoint')
    const before = server.pid
    await server.stop('kill')
    assert.ok(!isProcessAlive(before))
    await server.start()
    pid = server.pid
    assert.equal(await server.psql('select one from kept'), '1')
  }
  assert.ok(!existsSync(folder))
  assert.ok(!isProcessAlive(pid))
})
