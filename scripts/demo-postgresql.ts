import { spawn } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { environment, parseLines, programPath, zakops } from '../e2e/program.ts'
import { userNamed } from '../src/posix/user-named.ts'
import { postgresqlVersions, startPostgresqlServer, testServers } from '../testing/postgresql-server.ts'
import type { PostgresqlServer } from '../testing/postgresql-server.ts'
import { queryServer } from '../testing/query-server.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import type { DemoTable } from './demo-table.ts'

/** Whom servers run as: never root. */
const owner = process.getuid!() === 0 && userNamed('postgres') === undefined ? ['--owner', 'nobody'] : []

/**
 * Adds the steps of a PostgreSQL server to the demo, under a policy of their own: a backup while it is written to, its log
 * received, the loss of a table, a recovery to the moment before, a proof. A note says so where no server can be found.
 */
export async function addPostgresqlSteps(table: DemoTable): Promise<void> {
  const found = await testServers()
  const version = postgresqlVersions.findLast((one) => found.some(({ major }) => major === one))
  if (version === undefined) {
    table.note('PostgreSQL', 'there is no server on this machine; `npm run test-servers` brings some')
    return
  }
  await using folder = temporaryFolder('demo-pg')
  chmodSync(folder.path, 0o755) // The servers' user must come to their folders.
  await using server = await startPostgresqlServer({ version, initdb: ['--wal-segsize=1'] })
  const options = { environment: { PATH: `${server.binFolder}:${process.env.PATH}`, TMPDIR: folder.path } }
  const policy = ['--policy', folder.at('zakops-backup.yaml')]
  const run = async (...words: string[]): Promise<Record<string, unknown>[]> => {
    const { stdout } = await zakops([...words, '--json', ...policy], { ...options, cwd: folder.path })
    return parseLines(stdout)
  }
  const stop = async (name: unknown): Promise<void> => void (await run('sandbox', 'stop', String(name)))

  await table.step(`Put PostgreSQL ${version} under a policy`, async () => {
    await server.psql('create table orders (id serial primary key, item text)')
    await run('init', '--yes', '--secondary', folder.at('off-site'), '--source', `postgresql:orders=${server.url}`)
    const path = folder.at('zakops-backup.yaml')
    const wal = '    kind: postgresql\n    wal: { receive: true, partialEvery: 1 second }'
    writeFileSync(path, readFileSync(path, 'utf8').replace('    kind: postgresql', wal))
    return 'snapshots over the replication protocol, its log received as it comes'
  })
  using receiver = receive(policy, { ...options.environment, ...environment }, folder.path)
  await table.step('Back it up while it is written to', async () => {
    await using load = beginLoad(server)
    const [line] = await run('backup')
    await load[Symbol.asyncDispose]()
    return `${String(line?.['kind'])}, ${Math.round(Number(line?.['bytes']) / 1024 / 1024)} MiB, ${load.rows} orders came meanwhile`
  })
  let before = ''
  await table.step('Lose the table', async () => {
    before = await server.psql('select count(*) from orders')
    await server.psql("select pg_create_restore_point('before')")
    await server.psql('drop table orders')
    await server.psql('select pg_switch_wal()')
    await receiver.stored(server)
    return `${before} orders are gone, and no snapshot has them all`
  })
  await table.step('Recover to the moment before', async () => {
    const [line] = await run('restore', 'postgresql', 'orders', '--to', 'before', '--into', folder.at('then'), ...owner)
    const count = await queryServer(String(line?.['url']), 'select count(*) from orders')
    if (count !== before) throw new Error(`${count} orders, expected ${before}`)
    await stop(line?.['sandbox'])
    return `${count} orders, on a private server that production never hears of`
  })
  await table.step('Prove the backup on a server', async () => {
    const [line] = await run('sandbox', 'start', 'orders', ...owner)
    if (line?.['manifest'] !== 'equal') throw new Error(JSON.stringify(line))
    await stop(line['sandbox'])
    return 'rows, schema, sequences and roles are those of its manifest; on record'
  })
}

interface Receiver extends Disposable {
  /** Resolves when all that the server has written is stored. */
  stored(server: PostgresqlServer): Promise<void>
}

function receive(policy: readonly string[], environmentOfIt: NodeJS.ProcessEnv, cwd: string): Receiver {
  const words = ['wal', 'receive', 'orders', ...policy]
  const env = { ...process.env, ...environmentOfIt }
  const child = spawn(programPath, words, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  return {
    async stored(server) {
      const end = await server.psql('select pg_current_wal_lsn()')
      const question = `select coalesce(bool_or(flush_lsn >= '${end}'), false) from pg_stat_replication`
      while ((await server.psql(question)) !== 't') {
        if (child.exitCode !== null) throw new Error(`the receiver ended with ${child.exitCode}: ${said}`)
        await sleep(50)
      }
    },
    [Symbol.dispose]: () => void child.kill('SIGTERM'),
  }
}

/** Writes rows until it is disposed of. */
function beginLoad(server: PostgresqlServer): AsyncDisposable & { readonly rows: number } {
  const load = { rows: 0, isWanted: true }
  const writing = (async (): Promise<void> => {
    while (load.isWanted) {
      await server.psql("insert into orders (item) select 'item ' || n from generate_series(1, 10) n")
      load.rows += 10
    }
  })()
  writing.catch(() => {}) // Awaited below.
  return {
    get rows() {
      return load.rows
    },
    async [Symbol.asyncDispose]() {
      load.isWanted = false
      await writing
    },
  }
}
