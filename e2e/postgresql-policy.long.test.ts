/** PostgreSQL as the users of a policy have it: every command, on a real server, in order. */
import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Failure } from '../src/base/failure.ts'
import { walFetchExitCodes } from '../src/operations/wal/wal-fetch.ts'
import { userNamed } from '../src/posix/user-named.ts'
import { shiftedClock } from '../testing/shifted-clock.ts'
import { inboxSettings } from '../testing/wal-inbox.ts'
import { queryServer } from '../testing/query-server.ts'
import { basename, join } from 'node:path'
import { type CommandRun, runWords } from '../testing/fake-world.ts'
import { postgresqlTest } from '../testing/postgresql-test.ts'
import type { PostgresqlServer } from '../testing/postgresql-server.ts'
import { type TemporaryFolder, temporaryFolder } from '../testing/temporary-folder.ts'

/** A line of --json. Its members are whatever the test says of them. */
interface Line {
  readonly [name: string]: unknown
}

/** How docs/postgresql.md makes the role of the backup. */
function roleStatements(): string[] {
  const page = readFileSync(join(import.meta.dirname, '../docs/postgresql.md'), 'utf8')
  return /```sql\n(.*?)```/s.exec(page)![1]!.trim().split('\n')
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

  /** How far the clock of its commands is ahead, ms. */
  aheadMs = 0

  async run(words: readonly string[], signal?: AbortSignal, folder = ''): Promise<CommandRun> {
    return await runWords(words, {
      clock: shiftedClock(this.aheadMs),
      workingDirectory: this.folder.at(folder),
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

  async init(url = this.server.url, settings: readonly string[] = []): Promise<void> {
    await this.ok('init', '--yes', '--secondary', 'off-site', '--source', `postgresql:orders=${url}`)
    const path = this.folder.at('zakops-backup.yaml')
    const text = readFileSync(path, 'utf8')
    const added = settings.map((line) => `\n    ${line}`).join('')
    writeFileSync(path, text.replace('    kind: postgresql', `    kind: postgresql${added}`))
    await this.ok('policy', 'check')
  }

  /** Names of the files of WAL below a folder of the site. */
  stored(folder: string): string[] {
    return readdirSync(this.folder.at(folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.parentPath.includes('/wal/'))
      .map((entry) => entry.name)
  }

  /** Names of the files of WAL of a generation, at the primary and at the secondary. */
  walIn(generation: number): string[][] {
    return ['zakops-primary', 'off-site'].map((location) => {
      const folder = `${location}/development/${generation}`
      return existsSync(this.folder.at(folder)) ? this.stored(folder).toSorted() : []
    })
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

    // A full does not rely on bytes that nobody has read.
    const [largest] = site.packs('zakops-primary').toSorted((a, b) => statSync(b).size - statSync(a).size)
    const bytes = readFileSync(largest!)
    bytes[1000]! ^= 1
    chmodSync(largest!, 0o600)
    writeFileSync(largest!, bytes)
    const full = await site.run(['backup', 'orders', '--kind', 'full'])
    assert.equal(full.code, 0, full.stderr)
    assert.match(full.stderr, /1 pack.* damaged/)

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
    const pushed = new Set<string>()
    const push = async (): Promise<string[]> => {
      const paths = await archivedFiles(server)
      for (const path of paths) {
        if (!pushed.has(path)) await site.ok('wal', 'push', path, '--source', 'orders')
        pushed.add(path)
      }
      return paths.map((path) => basename(path))
    }
    const [before] = await push()
    assert.ok(site.stored('zakops-primary').includes(before!))
    await site.ok('backup')
    assert.ok(!site.stored('zakops-primary').includes(before!), 'no snapshot needs what was before the first one')
    await server.psql('insert into orders values (1)')
    await server.psql("select pg_create_restore_point('one')")
    await server.psql('insert into orders values (2)')
    await push()
    await site.ok('keys', 'rotate')
    await server.psql('insert into orders values (3)')
    const names = await push()
    assert.equal(site.stored('zakops-primary/development/2').filter((name) => names.includes(name)).length, 1)

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

    const [latest] = await site.ok(
      'restore',
      'orders',
      '--to',
      'latest',
      '--into',
      'now',
      '--promote',
      '--json',
      ...owner,
    )
    assert.equal(await queryServer(String(latest!['url']), 'select n from orders order by n'), '1\n2\n3')
    await site.ok('sandbox', 'stop', String(latest!['sandbox']))

    const pointInTime = ['procedure', 'run', 'point-in-time-recovery', '--source', 'orders', '--to', 'latest']
    const { stdout: planned } = await site.run([...pointInTime, '--into', 'procedure', '--dry-run'])
    assert.match(
      planned,
      /^1\. Identify target timestamp: .*\n2\. Restore from last full backup before target: restores backup/,
    )
    assert.ok(!existsSync(site.folder.at('procedure')))
    const [end] = await site.ok(...pointInTime, '--into', 'procedure', '--json', ...owner)
    assert.deepEqual([end!['proven'], end!['state']], [true, 'paused'])
    assert.ok(Number(end!['replayedBytes']) > 0)
    const { stdout: status } = await site.run(['status', '--json'])
    const { location, replay_ms: replayMs } = JSON.parse(status).sources[0].recovery_time_forecasts[0]
    assert.ok(location === 'primary' && replayMs > 0, status)
    assert.equal(await queryServer(String(end!['url']), 'select n from orders order by n'), '1\n2\n3')
    await site.ok('sandbox', 'stop', String(end!['sandbox']))

    await site.ok('restore', 'orders', '--to', 'latest', '--into', 'mine', '--no-start')
    const settings = readFileSync(site.folder.at('mine/postgresql.auto.conf'), 'utf8')
    assert.match(settings, /restore_command = '.*wal fetch --source orders --spool .*wal-spool-orders\/\d+'' %f %p'/)
    for (const line of [`archive_mode = 'off'`, `archive_cleanup_command = ''`, `recovery_end_command = ''`])
      assert.ok(settings.split('\n').includes(line), line)
    const fetch = async (name: string, path: string): Promise<number> =>
      (await site.run(['--policy', '../zakops-backup.yaml', 'wal', 'fetch', name, path], undefined, 'mine')).code
    assert.equal(await fetch(names.at(-1)!, 'pg_wal/RECOVERYXLOG'), 0)
    const archived = readFileSync(join(server.dataFolder, 'inbox', names.at(-1)!))
    assert.deepEqual(readFileSync(site.folder.at('mine/pg_wal/RECOVERYXLOG')), archived)
    assert.equal(await fetch('00000009.history', 'pg_wal/RECOVERYHISTORY'), walFetchExitCodes.absent)
    assert.equal(await fetch('nonsense', 'pg_wal/RECOVERYXLOG'), 200)

    const refused = await site.run(['restore', 'orders', '--to', '2099-01-01', '--into', 'later', ...owner])
    assert.notEqual(refused.code, 0)
    assert.match(refused.stderr, /Cannot recover to 2099-01-01.*Possible/s)
    assert.ok(!existsSync(site.folder.at('later')))

    // The first generation ends with its last backup, and with it the log that only that backup needed; no sooner.
    await site.ok('replicate')
    const begun = site.walIn(1)
    await site.ok('retain')
    for (const [index, found] of site.walIn(1).entries()) {
      // Its label says where the snapshot began.
      const first = begun[index]!.find((name) => name.endsWith('.backup'))!.slice(0, 24)
      assert.deepEqual(
        found,
        begun[index]!.filter((name) => name >= first),
      )
      assert.ok(found.length > 2)
    }
    const path = site.folder.at('zakops-backup.yaml')
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll(/retention: \{ copies: \d+/g, 'retention: { copies: 1'))
    site.aheadMs = 40 * 86_400_000
    await site.ok('backup', '--accept-weaker', 'the test asks for it')
    await server.psql('insert into orders values (4)')
    const newest = (await push()).at(-1)!
    await site.ok('replicate')
    assert.deepEqual(site.walIn(1), [[], []])
    for (const found of site.walIn(2)) {
      assert.ok(found.includes(newest))
      assert.ok(!found.includes(names.at(-1)!), 'the snapshot that is kept began behind it')
    }
    assert.match((await site.run(['keys', 'list'])).stdout, /destroyed/)
    const [checked] = await site.ok('wal', 'check', 'orders', '--json')
    assert.deepEqual(checked!['gaps'], [])
  },
)

postgresqlTest(
  'the WAL of a PostgreSQL source is received by the service, copied off-site, verified, checked for gaps and retained',
  { versions: [18], initdb: ['--wal-segsize=1'] },
  async ({ server }) => {
    const site = new Site(server)
    await using _ = site.folder
    await server.psql('create table orders (n int)')
    for (const statement of roleStatements()) await server.psql(statement)
    await site.init(server.urlOf({ user: 'zakops_backup' }), ['wal: { receive: true, partialEvery: 1 second }'])
    await site.ok('backup')
    const service = new AbortController()
    const served = site.run(['serve'], service.signal)
    while ((await server.psql("select active from pg_replication_slots where slot_name = 'zakops_backup'")) !== 't') {
      await sleep(50)
    }
    await server.psql('insert into orders values (1)')
    await server.psql('select pg_switch_wal()')
    // What the log is replayed on must have ended after the log was whole.
    await site.ok('backup', 'orders')
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
    const { stdout: status } = await site.run(['status', '--json'])
    const [source] = (JSON.parse(status) as { sources: { recovery_points: Line[]; newest_good_age_ms: number }[] })
      .sources
    for (const { location, by, age_ms: age } of source!.recovery_points) {
      assert.equal(by, 'log', `${String(location)}: ${status}`)
      assert.ok(Number(age) < source!.newest_good_age_ms)
    }

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

postgresqlTest(
  'a PostgreSQL source is recovered across a switch of timelines, or along the old one, with a tablespace put elsewhere',
  { versions: [18], initdb: ['--wal-segsize=1'], settings: inboxSettings },
  async ({ server }) => {
    const site = new Site(server)
    await using _ = site.folder
    const space = join(server.dataFolder, '../space')
    mkdirSync(space)
    if (process.getuid!() === 0) chownSync(space, server.owner.uid, server.owner.gid)
    await server.psql(`create tablespace fast location '${space}'`)
    await server.psql('create table orders (n int) tablespace fast')
    await site.init()
    await site.ok('backup')
    await server.psql('insert into orders values (1)')
    await server.stop()
    // A recovery that finds nothing to replay ends at once, on a new timeline.
    writeFileSync(join(server.dataFolder, 'recovery.signal'), '')
    server.configure({ restore_command: 'false' })
    await server.start()
    await server.psql('insert into orders values (2)')
    for (const path of await archivedFiles(server)) await site.ok('wal', 'push', path)
    const recover = async (into: string, ...options: string[]): Promise<string> => {
      const place = site.folder.at(`${into}-space`)
      const words = ['restore', 'orders', '--to', 'latest', '--into', into, '--tablespace-map', `${space}=${place}`]
      const [recovered] = await site.ok(...words, '--json', ...options, ...owner)
      const url = String(recovered!['url'])
      assert.equal(
        await queryServer(url, "select pg_tablespace_location(oid) from pg_tablespace where spcname = 'fast'"),
        place,
      )
      assert.ok(readdirSync(place).length > 0)
      const rows = await queryServer(url, 'select n from orders order by n')
      await site.ok('sandbox', 'stop', String(recovered!['sandbox']))
      return rows
    }
    assert.equal(await recover('across'), '1\n2')
    assert.equal(await recover('along', '--timeline', '1'), '1')
    const unknown = await site.run(['restore', 'orders', '--to', 'latest', '--into', 'no', '--timeline', '7', ...owner])
    assert.notEqual(unknown.code, 0)
    assert.ok(!existsSync(site.folder.at('no')))
  },
)
