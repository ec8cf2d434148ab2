/** A PostgreSQL source whose primary location fills up. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { userNamed } from '../src/posix/user-named.ts'
import type { PostgresqlServer } from '../testing/postgresql-server.ts'
import { postgresqlTest } from '../testing/postgresql-test.ts'
import { queryServer } from '../testing/query-server.ts'
import { mountSmallDisk, noSmallDisk } from '../testing/small-disk.ts'
import { type TemporaryFolder, temporaryFolder } from '../testing/temporary-folder.ts'
import { parseLines, programPath, tryZakops, zakops } from './program.ts'

const owner = process.getuid!() === 0 && userNamed('postgres') === undefined ? ['--owner', 'nobody'] : []
/** Rows that do not shrink: about so many MiB of them. */
const rows = (megabytes: number): string =>
  `INSERT INTO rows SELECT (SELECT string_agg(sha512((random()::text || n || m)::bytea)::text, '') FROM generate_series(1, 8) m)
     FROM generate_series(1, ${megabytes * 1000}) n`

postgresqlTest(
  'a primary that fills up fails the backup of a server with a clear message, loses nothing, and with room it goes on',
  { versions: [18], skip: noSmallDisk },
  async ({ server }) => {
    await using folder = temporaryFolder('full')
    using small = mountSmallDisk(folder.at('primary'), 24)
    await server.psql('CREATE TABLE rows (text text)')
    const run = await begin(folder, server)
    await zakops(['backup'], run)
    await server.psql(rows(60))
    const full = await tryZakops(['backup'], run)
    assert.equal(full.exitCode, 1, full.stderr)
    assert.match(full.stderr, /orders: .*no room is left on its device.*room.*\(storage_full\)/)
    // It has let go of what it held at the server.
    assert.equal(await server.psql('SELECT count(*) FROM pg_replication_slots'), '0')
    await zakops(['restore', 'orders', '--to', folder.at('restored')], run)
    small.grow(200)
    await zakops(['backup'], run)
    await zakops(['verify', '--read-data'], run)
    const [started] = parseLines((await zakops(['sandbox', 'start', 'orders', '--json', ...owner], run)).stdout)
    assert.equal(started!['manifest'], 'equal')
    await zakops(['sandbox', 'stop', String(started!['sandbox'])], run)
  },
)

postgresqlTest(
  'a primary that fills up under `wal receive` is told of; the server keeps its log, and with room all of it is stored',
  { versions: [18], skip: noSmallDisk, initdb: ['--wal-segsize=1'] },
  async ({ server }) => {
    await using folder = temporaryFolder('full')
    using small = mountSmallDisk(folder.at('primary'), 24)
    await server.psql('CREATE TABLE rows (text text)')
    const run = await begin(folder, server)
    const receiver = spawn(programPath, ['wal', 'receive', 'orders'], {
      cwd: folder.path,
      env: { ...process.env, ...run.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    try {
      let said = ''
      for (const stream of [receiver.stdout, receiver.stderr])
        stream.on('data', (text: Buffer) => {
          said += text.toString()
        })
      const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
        for (let look = 0; !(await isSo()); look++) {
          assert.ok(look < 1200 && receiver.exitCode === null, said)
          await sleep(50)
        }
      }
      await until(async () => (await server.psql('SELECT count(*) FROM pg_replication_slots WHERE active')) === '1')
      await zakops(['backup'], run)
      await server.psql(rows(40))
      await until(() => /no room is left on its device/.test(said))
      const end = await server.psql('SELECT pg_current_wal_flush_lsn()')
      // Nothing that is not stored was let go of.
      const kept = `SELECT restart_lsn < '${end}' AND wal_status IN ('reserved', 'extended') FROM pg_replication_slots`
      assert.equal(await server.psql(kept), 't')
      small.grow(200)
      const isStored = `SELECT coalesce(bool_or(flush_lsn >= '${end}'), false) FROM pg_stat_replication`
      await until(async () => (await server.psql(isStored)) === 't')
      receiver.kill('SIGTERM')
      const [code] = (await once(receiver, 'close')) as [number]
      assert.ok(code === 0 || code === 130, `${code}\n${said}`)
    } finally {
      receiver.kill('SIGKILL')
    }
    const [checked] = parseLines((await zakops(['wal', 'check', 'orders', '--json'], run)).stdout)
    assert.deepEqual(checked!['gaps'], [])
    const into = ['restore', 'postgresql', 'orders', '--to', 'latest', '--into', folder.at('back'), '--json', ...owner]
    const [recovered] = parseLines((await zakops(into, run)).stdout)
    assert.equal(await queryServer(String(recovered!['url']), 'SELECT count(*) FROM rows'), '40000')
    await zakops(['sandbox', 'stop', String(recovered!['sandbox'])], run)
  },
)

/** A policy in a folder, and how its commands are run there. */
async function begin(
  folder: TemporaryFolder,
  server: PostgresqlServer,
): Promise<{ readonly cwd: string; readonly environment: Readonly<Record<string, string>> }> {
  chmodSync(folder.path, 0o755)
  const environment = { PATH: `${server.binFolder}:${process.env.PATH}`, TMPDIR: folder.path }
  const run = { cwd: folder.path, environment }
  const places = ['--primary', folder.at('primary'), '--secondary', folder.at('secondary')]
  await zakops(['init', '--yes', ...places, '--source', `postgresql:orders=${server.url}`], run)
  const path = folder.at('zakops-backup.yaml')
  const wal = '    kind: postgresql\n    wal: { receive: true, partialEvery: 1 second }'
  writeFileSync(path, readFileSync(path, 'utf8').replace('    kind: postgresql', wal))
  await zakops(['policy', 'check'], run)
  return run
}
