import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { isFailure, type FailureCode } from '../../base/failure.ts'
import { isProcessAlive } from '../../base/process-alive.ts'
import { testServers, type PostgresqlServer } from '../../../testing/postgresql-server.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { queryServer } from '../../../testing/query-server.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { listSandboxes, openSandbox, startSandbox, type SandboxRequest } from './sandbox.ts'

const signal = neverStopped()
const fails =
  (code: FailureCode, message = /./) =>
  (error: unknown) =>
    isFailure(error, code) && (assert.match(error.message, message), true)

async function requestFor(server: PostgresqlServer, folder: TemporaryFolder): Promise<SandboxRequest> {
  chmodSync(folder.path, 0o755)
  return {
    dataFolder: server.dataFolder,
    servers: await testServers(),
    owner: server.owner,
    parentFolder: folder.path,
    lifetime: 'caller',
    searchPath: process.env.PATH!,
  }
}

postgresqlTest(
  'startSandbox() lets a cluster neither listen, archive, replicate nor run jobs, whatever it brings along',
  { versions: [15, 18], initdb: ['--wal-segsize=1'] },
  async ({ server }) => {
    await using folder = temporaryFolder('sandbox')
    const request = await requestFor(server, folder)
    const proof = join(server.folder, 'archived')
    await server.psql('create table rows as select 1 as n')
    for (const [name, value] of [
      ['archive_mode', 'on'],
      ['archive_command', `touch ${proof}`],
      ['listen_addresses', '*'],
      ['shared_preload_libraries', 'no_such_library'],
      ['primary_conninfo', 'host=production'],
      ['recovery_target_name', 'old'],
      ['recovery_target_time', '2020-01-01 00:00:00+00'],
      ['max_connections', '47'],
      ['autovacuum', 'on'],
    ])
      await server.psql(`alter system set ${name} = '${value}'`)
    await server.stop()
    const pid = await (async () => {
      await using sandbox = await startSandbox(request, systemClock, signal)
      const names = ['archive_mode', 'listen_addresses', 'shared_preload_libraries', 'primary_conninfo', 'autovacuum']
      const shown = await queryServer(sandbox.url, names.map((name) => `show ${name}`).join(';'))
      assert.equal(shown, 'off\n\n\n\noff')
      assert.equal(await queryServer(sandbox.url, 'insert into rows values (2); select sum(n) from rows'), '3')
      await queryServer(sandbox.url, 'select pg_switch_wal()')
      const workers = await queryServer(
        sandbox.url,
        "select count(*) from pg_stat_activity where backend_type like '%launcher%'",
      )
      assert.equal(workers, '0')
      assert.equal(statSync(sandbox.socketFolder).mode & 0o777, 0o700)
      assert.equal(sandbox.state, 'ready')
      return sandbox.processId
    })()
    assert.ok(!isProcessAlive(pid))
    assert.ok(!existsSync(proof))
    assert.deepEqual(readdirSync(folder.path), [])
  },
)

postgresqlTest(
  'a detached sandbox is listed, opened and stopped by another process',
  { versions: [17] },
  async ({ server }) => {
    await using folder = temporaryFolder('sandbox')
    const request = await requestFor(server, folder)
    await server.stop()
    const sandbox = await startSandbox({ ...request, lifetime: 'detached' }, systemClock, signal)
    const [record, ...others] = await listSandboxes(folder.path)
    assert.deepEqual(others, [])
    assert.ok(record!.isAlive && record!.processId === sandbox.processId)
    const again = openSandbox(record!, systemClock)
    assert.equal(await queryServer(again.url, 'select 1'), '1')
    await again.stop()
    assert.ok(!isProcessAlive(record!.processId))
    assert.deepEqual(await listSandboxes(folder.path), [])
  },
)

postgresqlTest(
  'startSandbox() refuses links that lead elsewhere, a cluster in use, root, and versions that are not installed',
  { versions: [18] },
  async ({ server }) => {
    await using folder = temporaryFolder('sandbox')
    const request = await requestFor(server, folder)
    await assert.rejects(startSandbox(request, systemClock, signal), fails('refused', /postmaster\.pid/))
    await server.stop()
    const older = request.servers.filter(({ major }) => major < 18)
    await assert.rejects(
      startSandbox({ ...request, servers: older }, systemClock, signal),
      fails('unsupported', /of PostgreSQL 18/),
    )
    if (process.getuid!() === 0) {
      const root = { uid: 0, gid: 0 }
      await assert.rejects(startSandbox({ ...request, owner: root }, systemClock, signal), fails('unsupported', /root/))
    }
    const elsewhere = folder.at('elsewhere')
    mkdirSync(elsewhere)
    const link = join(server.dataFolder, 'pg_tblspc/16999')
    symlinkSync(elsewhere, link)
    await assert.rejects(startSandbox(request, systemClock, signal), fails('target_unsafe', /pg_tblspc\/16999/))
    await using allowed = await startSandbox({ ...request, tablespaceFolders: [elsewhere] }, systemClock, signal)
    assert.equal(allowed.state, 'ready')
    await allowed.stop()
    unlinkSync(link)
    writeFileSync(join(server.dataFolder, 'global/pg_control'), 'x')
    await assert.rejects(startSandbox(request, systemClock, signal), fails('unsupported', /pg_control/))
    assert.deepEqual(await listSandboxes(folder.path), [])
  },
)

postgresqlTest('a sandbox of a caller that is killed goes with it', { versions: [15] }, async ({ server }) => {
  await using folder = temporaryFolder('sandbox')
  const request = await requestFor(server, folder)
  await server.stop()
  const script = `
    import { startSandbox } from ${JSON.stringify(import.meta.resolve('./sandbox.ts'))}
    import { systemClock } from ${JSON.stringify(import.meta.resolve('../../base/clock.ts'))}
    const sandbox = await startSandbox(${JSON.stringify(request)}, systemClock, new AbortController().signal)
    console.log(sandbox.processId)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  const pid = Number(line.toString())
  assert.ok(isProcessAlive(pid))
  child.kill('SIGKILL')
  while (isProcessAlive(pid) || readdirSync(folder.path).length > 0)
    await systemClock.sleep(50, AbortSignal.timeout(20_000))
})

test('listSandboxes() of a folder that is not there is empty', async () => {
  assert.deepEqual(await listSandboxes('/no/such/folder'), [])
})
