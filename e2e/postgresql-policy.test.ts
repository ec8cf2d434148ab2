/** PostgreSQL as the users of a policy have it: every command, on a real server, in order. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../src/base/failure.ts'
import { userNamed } from '../src/posix/user-named.ts'
import { inboxSettings } from '../testing/wal-inbox.ts'
import { queryServer } from '../testing/query-server.ts'
import { join } from 'node:path'
import { type CommandRun, runWords } from '../testing/fake-world.ts'
import { postgresqlTest } from '../testing/postgresql-test.ts'
import type { PostgresqlServer } from '../testing/postgresql-server.ts'
import { type TemporaryFolder, temporaryFolder } from '../testing/temporary-folder.ts'

/** A line of --json. Its members are whatever the test says of them. */
interface Line {
  readonly [name: string]: unknown
}

/** Whom private servers run as. */
const owner = process.getuid!() === 0 && userNamed('postgres') === undefined ? ['--owner', 'nobody'] : []

/** Closes the segment that is written, and answers the files that the server has archived. */
async function archivedFiles(server: PostgresqlServer): Promise<string[]> {
  const name = await server.psql('select pg_walfile_name(pg_current_wal_lsn()) from (select txid_current()) x')
  await server.psql('select pg_switch_wal()')
  while (!(await server.psql('select last_archived_wal from pg_stat_archiver')).includes(name)) await sleep(20)
  const inbox = join(server.dataFolder, 'inbox')
  return readdirSync(inbox)
    .toSorted()
    .map((file) => join(inbox, file))
}

/** A policy with one source, "orders", and what is done under it. */
class Site {
  readonly folder: TemporaryFolder
  readonly server: PostgresqlServer

  constructor(server: PostgresqlServer) {
    this.server = server
    this.folder = temporaryFolder('policy')
    chmodSync(this.folder.path, 0o755)
  }

  async run(words: readonly string[], signal?: AbortSignal): Promise<CommandRun> {
    return await runWords(words, {
      workingDirectory: this.folder.path,
      environment: { PATH: `${this.server.binFolder}:${process.env['PATH']}`, TMPDIR: this.folder.path },
      userId: process.getuid!(),
      ...(signal !== undefined && { signal }),
    })
  }

  async ok(...words: string[]): Promise<Line[]> {
    const { code, stdout, stderr } = await this.run(words)
    assert.equal(code, 0, `${words.join(' ')} ended with ${code}\n${stdout}${stderr}`)
    return words.includes('--json')
      ? stdout
          .trim()
          .split('\n')
          .filter((line) => line !== '')
          .map((line): Line => JSON.parse(line))
      : []
  }

  async init(more: readonly string[] = [], settings: readonly string[] = []): Promise<void> {
    await this.ok(
      'init',
      '--yes',
      '--secondary',
      'off-site',
      '--source',
      `postgresql:orders=${this.server.url}`,
      ...more,
    )
    const path = this.folder.at('zakops-backup.yaml')
    const text = readFileSync(path, 'utf8')
    const added = settings.map((line) => `\n    ${line}`).join('')
    writeFileSync(path, text.replace('    kind: postgresql', `    kind: postgresql${added}`))
    await this.ok('policy', 'check')
  }

  packs(location: string): string[] {
    return readdirSync(this.folder.at(location), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.parentPath.includes('/data/'))
      .map((entry) => join(entry.parentPath, entry.name))
  }
}

postgresqlTest(
  'a PostgreSQL source is set up by init, backed up, and restored to a folder',
  { versions: [18], settings: { summarize_wal: 'on' } },
  async ({ server }) => {
    const site = new Site(server)
    await using _ = site.folder
    await server.psql('create table orders as select n, md5(n::text) as item from generate_series(1, 20000) n')
    await site.init()
    const [first] = await site.ok('backup', '--json')
    assert.deepEqual(
      [first!['kind'], first!['state'], first!['copies']],
      ['full', 'complete', ['primary', 'secondary']],
    )
    await server.psql('insert into orders values (0, null); checkpoint')
    const [second] = await site.ok('backup', 'orders', '--json')
    assert.equal(second!['kind'], 'incremental')
    assert.ok(Number(second!['bytes_added']) < Number(first!['bytes_added']) / 2, JSON.stringify([first, second]))

    const [restored] = await site.ok('restore', 'orders', '--to', 'back', '--json')
    assert.equal(restored!['manifest'], 'not compared')
    assert.ok(existsSync(site.folder.at('back/PG_VERSION')))
    assert.ok(!existsSync(site.folder.at('back/orders')))

    const [started] = await site.ok('sandbox', 'start', 'orders', '--amcheck', '--json', ...owner)
    assert.deepEqual([started!['manifest'], started!['differences']], ['equal', []])
    assert.equal(await queryServer(String(started!['url']), 'select count(*) from orders'), '20001')
    assert.equal((await site.ok('sandbox', 'list', '--json')).length, 1)
    await site.ok('sandbox', 'stop', String(started!['sandbox']))
    assert.ok(!existsSync(String(started!['data_folder'])))
    assert.equal((await site.run(['sandbox', 'stop', String(started!['sandbox'])])).code, 2)
  },
)

postgresqlTest(
  'a PostgreSQL source is recovered to a point in time by the WAL that archive_command pushed',
  { versions: [18], initdb: ['--wal-segsize=1'], settings: inboxSettings },
  async ({ server }) => {
    const site = new Site(server)
    await using _ = site.folder
    await server.psql('create table orders (n int)')
    await site.init()
    await site.ok('backup')
    await server.psql('insert into orders values (1)')
    await server.psql("select pg_create_restore_point('one')")
    await server.psql('insert into orders values (2)')
    for (const path of await archivedFiles(server)) await site.ok('wal', 'push', path, '--source', 'orders')

    const [recovered] = await site.ok(
      'restore',
      'postgresql',
      'orders',
      '--to',
      'one',
      '--into',
      'then',
      '--json',
      ...owner,
    )
    assert.equal(recovered!['state'], 'paused')
    assert.equal(await queryServer(String(recovered!['url']), 'select n from orders'), '1')
    await site.ok('sandbox', 'stop', String(recovered!['sandbox']))
    assert.ok(existsSync(site.folder.at('then/PG_VERSION')))
    assert.deepEqual(await site.ok('sandbox', 'list', '--json'), [])

    const refused = await site.run(['restore', 'orders', '--to', '2099-01-01', '--into', 'later', ...owner])
    assert.notEqual(refused.code, 0)
    assert.match(refused.stderr, /Cannot recover to 2099-01-01.*Possible/s)
    assert.ok(!existsSync(site.folder.at('later')))
  },
)

postgresqlTest(
  'the WAL of a PostgreSQL source is received by the service, copied off-site, verified, checked for gaps and retained',
  { versions: [18], initdb: ['--wal-segsize=1'] },
  async ({ server }) => {
    const site = new Site(server)
    await using _ = site.folder
    await server.psql('create table orders (n int)')
    await site.init([], ['wal: { receive: true, partialEvery: 1 second }'])
    await site.ok('backup')
    const service = new AbortController()
    const served = site.run(['serve'], service.signal)
    while ((await server.psql("select active from pg_replication_slots where slot_name = 'zakops_backup'")) !== 't') {
      await sleep(50)
    }
    await server.psql('insert into orders values (1)')
    await server.psql('select pg_switch_wal()')
    await server.psql('insert into orders values (2)')
    const end = await server.psql('select pg_current_wal_lsn()')
    const isStored = `select flush_lsn >= '${end}' from pg_stat_replication where application_name = 'zakops-backup'`
    while (!(await server.psql(isStored)).includes('t')) await sleep(50)
    service.abort(new Failure('stopped', 'The test ends it'))
    const { code, stderr } = await served
    assert.equal(code, 0, stderr)
    assert.match(stderr, /WAL of orders: receiving timeline 1/)

    await site.ok('replicate')
    const [checked] = await site.ok('wal', 'check', 'orders', '--json')
    assert.deepEqual([checked!['gaps'], checked!['timeline']], [[], 1])
    const verified = await site.ok('verify', '--read-data', '--json')
    assert.ok(
      verified.every((line) => Number(line['wal_files_read']) > 0),
      JSON.stringify(verified),
    )
    const [status] = await site.ok('status', '--json')
    assert.ok(status)

    rmSync(site.folder.at('zakops-primary'), { recursive: true })
    mkdirSync(site.folder.at('zakops-primary'))
    const [recovered] = await site.ok(
      'restore',
      'postgresql',
      'orders',
      '--to',
      'latest',
      '--into',
      'now',
      '--promote',
      '--json',
      ...owner,
    )
    assert.equal(await queryServer(String(recovered!['url']), 'select n from orders order by n'), '1\n2')
    await site.ok('sandbox', 'stop', String(recovered!['sandbox']))
  },
)
