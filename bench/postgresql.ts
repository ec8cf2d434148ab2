/**
 * Measures physical backups of a PostgreSQL server against pgBackRest: the same cluster, the same disk, in turn, both
 * encrypted, with zstd and two processes. Prints a table, and puts it into bench/RESULTS.md with --write.
 *
 *   npm run bench -- --only postgresql --scale 150 --rounds 3 --pgbackrest /where/a/newer/one/is --write
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { environment, parseLines, zakops } from '../e2e/program.ts'
import { projectFolder } from '../scripts/source-files.ts'
import { parseLsn } from '../src/sources/postgresql/lsn.ts'
import { type PostgresqlServer, startPostgresqlServer } from '../testing/postgresql-server.ts'
import { runWell } from '../testing/run-program.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { installedProgram } from './installed-program.ts'
import { measure, middle } from './measure.ts'
import { backRestAt, backRestOf } from './pgbackrest.ts'
import { replayTimes, walRates } from './postgresql-log.ts'
import { writeSection } from './write-section.ts'

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '5' },
    /** How much of the log is written in one go. */
    'wal-megabytes': { type: 'string', default: '200' },
    rounds: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
    only: { type: 'string' },
    /** One that knows version 18, which Debian's does not. */
    pgbackrest: { type: 'string' },
  },
})
/** pgbench of this version is there, and pgBackRest of Debian knows it. */
const version = 15
/** Here the server tells what changed. */
const newVersion = 18
const ofOld = await backRestAt('pgbackrest')
const ofNew = values.pgbackrest === undefined ? undefined : await backRestAt(values.pgbackrest)
const rounds = Number(values.rounds)
const settings = { fsync: 'on', max_wal_size: '4GB', wal_keep_size: '8GB' }
await using folder = temporaryFolder('bench-pg')
chmodSync(folder.path, 0o755)
execFileSync(process.execPath, [join(projectFolder, 'scripts/build.ts')], { stdio: 'inherit' })
const program = installedProgram(folder.path)

interface Times {
  readonly ours: number
  readonly theirs: number | undefined
}

interface Round {
  readonly full: Times
  /** The same, but of the rows only a sample is read for the manifest. */
  readonly sampled: Times
  readonly changed: Times
  readonly changedSampled: Times
  readonly restore: Times
  readonly addedBytes: number
  readonly changedBytes: number
}

interface Workload {
  readonly name: string
  fill(server: PostgresqlServer): Promise<void>
  /** Changes one page in a hundred of the large table. */
  readonly change: string
}

const pgbench: Workload = {
  name: 'pgbench',
  fill: async (server) => {
    await using other = server.version === version ? undefined : await startPostgresqlServer({ version })
    const pgbenchProgram = join((other ?? server).binFolder, 'pgbench')
    await runWell(pgbenchProgram, ['-i', '-q', '-s', values.scale, server.url], {})
  },
  change: 'update pgbench_accounts set abalance = abalance + 1 where aid % 6100 < 61',
}

/** 20 rows of 384 bytes to a page. */
const random: Workload = {
  name: 'random bytes',
  fill: async (server) => {
    const rows = Number(values.scale) * 38_000
    const bytes = Array.from({ length: 24 }, (_, at) => `uuid_send(gen_random_uuid()) /* ${at} */`).join(' || ')
    await server.psql(`create table noise as select n, ${bytes} as b from generate_series(1, ${rows}) n`)
    await server.psql('vacuum freeze noise') // As pgbench does: else the first reader changes every page.
  },
  change: 'update noise set b = set_byte(b, 0, 1) where n % 2000 < 20',
}

const sections: string[] = []
for (const workload of [pgbench, random]) {
  await using server = await startPostgresqlServer({ version, settings })
  sections.push(...(await compare(server, workload)))
  if (workload !== pgbench) continue
  const bench = { server, folder, megabytes: Number(values['wal-megabytes']), rounds }
  const wal = await walRates(bench)
  const replay = await replayTimes(bench)
  sections.push(
    `Log: the server alone wrote ${wal.alone.toFixed(0)} MiB/s (fsync on); with \`wal receive\` beside it, until all was stored, ${wal.received.toFixed(0)} MiB/s: ` +
      `${(wal.received / wal.alone).toFixed(2)} times; wanted: 1.0 times, or 100 segments (1600 MiB) a second.`,
    '',
    `Replay of ${mebibytes(replay.bytes)} of log, by the server's own log from its start to the target: ${replay.fetched.toFixed(1)} s where our recovery hands it over (decrypted, decompressed, verified, ahead of what is asked), ` +
      `${replay.copied.toFixed(1)} s on the same server with the same settings where restore_command is \`cp\` from a plain folder: ${(replay.copied / replay.fetched).toFixed(2)} times; wanted: replay is the limit, not the fetch.`,
    '',
  )
}
{
  await using server = await startPostgresqlServer({
    version: newVersion,
    settings: { ...settings, summarize_wal: 'on' },
  })
  sections.push(...(await compare(server, pgbench)))
}

const commit = (await runWell('git', ['rev-parse', '--short', 'HEAD'], { cwd: projectFolder })).stdout.trim()
const lines = [
  '# PostgreSQL against pgBackRest',
  '',
  `${new Date().toISOString().slice(0, 10)}, commit ${commit}, ${os.availableParallelism()} cores, medians of ${rounds}. Both encrypted, zstd, two processes. pgBackRest ${ofOld.version} of Debian, which knows no version after ${version}${ofNew === undefined ? '' : `; with ${newVersion} it is ${ofNew.version}, built from its sources, which stores changed blocks`}.`,
  '',
  ...sections,
  'Where a figure is short of what is wanted, this is why:',
  '',
  '- Full snapshot: it takes a manifest of every row, which pgBackRest does not; the second line is without. SHA-256 is computed three times (decision 0007), and all comes through one connection of the server, where pgBackRest reads files by two processes; both processors are busy throughout.',
  '- Snapshot after changes on 17+: reading every row again is half of it (decision 0007 says why it is done).',
  '- Restore: every file is read back and compared with the server’s own SHA-256; pgBackRest reads nothing back.',
  '- Receiver: it compresses, seals and syncs on the two processors that the server writes with; what the server writes alone differs from run to run by a third.',
]
console.log(lines.join('\n'))
if (values.write) writeSection(join(projectFolder, 'bench/RESULTS.md'), 'postgresql', lines.join('\n'))

async function compare(server: PostgresqlServer, workload: Workload): Promise<string[]> {
  await workload.fill(server)
  await server.psql('checkpoint')
  const bytes = Number(await server.psql("select pg_database_size('postgres')"))
  const some: Round[] = []
  for (let round = 1; round <= rounds; round++) some.push(await oneRound(server, workload, round))
  const line = (
    step: 'full' | 'sampled' | 'changed' | 'changedSampled' | 'restore',
    text: string,
    reach: string,
  ): string => {
    const ours = middle(some.map((one) => one[step].ours))
    const theirs = some[0]![step].theirs === undefined ? undefined : middle(some.map((one) => one[step].theirs!))
    const peer = theirs === undefined ? '– | –' : `${theirs.toFixed(2)} s | ${(theirs / ours).toFixed(2)}`
    return `| ${text} | ${ours.toFixed(2)} s | ${peer} | ${reach} |`
  }
  const added = middle(some.map((one) => one.addedBytes))
  const changed = middle(some.map((one) => one.changedBytes))
  return [
    `PostgreSQL ${server.version}, ${workload.name}, ${mebibytes(bytes)}:`,
    '',
    '| | ours | pgBackRest | ratio | reach |',
    '|---|---|---|---|---|',
    line('full', 'full snapshot', '1.2 times as fast'),
    line('sampled', 'the same, of large tables a sample of rows in the manifest', ''),
    line(
      'changed',
      `snapshot after 1 % of the pages changed${server.version < 17 ? ' (before 17 all is read)' : ''}`,
      '1.5 times as fast on 17+',
    ),
    line('changedSampled', 'the same, of large tables a sample of rows in the manifest', ''),
    line('restore', 'restore, verified', '1.3 times as fast'),
    '',
    `The snapshot after the changes stored ${mebibytes(added)} for ${mebibytes(changed)} of changed pages: ${(added / changed).toFixed(2)} times; wanted: at most 1.2.`,
    '',
  ]
}

async function oneRound(server: PostgresqlServer, workload: Workload, round: number): Promise<Round> {
  const name = `${server.version}-${workload.name.replace(' ', '-')}-${round}`
  const own = folder.at(`ours-${name}`)
  const plain = folder.at(`sampled-${name}`)
  const start = { environment: { ...environment, PATH: `${server.binFolder}:${process.env.PATH}` } }
  const peer = server.version === version ? ofOld : ofNew
  const backRest = peer && backRestOf(peer, server, folder, name)
  for (const cwd of [own, plain]) {
    mkdirSync(cwd)
    await zakops(
      ['init', '--yes', '--source', `postgresql:main=${server.url}`, '--policy', join(cwd, 'zakops-backup.yaml')],
      { ...start, cwd },
    )
  }
  const path = join(plain, 'zakops-backup.yaml')
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace(
      '    kind: postgresql\n',
      '    kind: postgresql\n    manifestTableBytesMax: 1048576\n',
    ),
  )
  const ours = async (cwd: string, ...words: string[]): Promise<number> =>
    (
      await measure(program, [...words, '--policy', join(cwd, 'zakops-backup.yaml')], {
        ...start,
        cwd,
        log: folder.at('log'),
      })
    ).wallSeconds
  await backRest?.('stanza-create')
  const full = { ours: await ours(own, 'backup'), theirs: await backRest?.('backup', '--type=full') }
  const sampled = { ours: await ours(plain, 'backup'), theirs: full.theirs }
  const before = parseLsn(await server.psql('select pg_current_wal_lsn()'))
  await server.psql(workload.change)
  await server.psql('checkpoint')
  const changedBytes = changedSince(server, before)
  const changedOurs = await ours(own, 'backup', '--json')
  const [told] = parseLines(readFileSync(folder.at('log'), 'utf8'))
  const changed = { ours: changedOurs, theirs: await backRest?.('backup', '--type=incr') }
  const changedSampled = { ours: await ours(plain, 'backup'), theirs: changed.theirs }
  const [here, there] = [folder.at(`restored-${name}`), folder.at(`restored-theirs-${name}`)]
  mkdirSync(there, { mode: 0o700 })
  if (process.getuid!() === 0) chownSync(there, server.owner.uid, server.owner.gid)
  const restore = {
    ours: await ours(own, 'restore', 'main', '--to', here),
    theirs: await backRest?.('restore', `--pg1-path=${there}`),
  }
  for (const one of [here, there, own, plain]) emptyFiles(one)
  return { full, sampled, changed, changedSampled, restore, addedBytes: Number(told?.['bytes_added']), changedBytes }
}

/** Makes room. Were they removed, ext4 would look for inodes of which none was in use of late, for longer than a restore takes. */
function emptyFiles(path: string): void {
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) truncateSync(join(entry.parentPath, entry.name))
  }
}

/** Bytes of pages that were written last behind a position, by the position that each page bears. */
function changedSince(server: PostgresqlServer, lsn: bigint): number {
  const pageBytes = 8192
  let changed = 0
  for (const path of readdirSync(join(server.dataFolder, 'base'), { recursive: true, encoding: 'utf8' })) {
    if (!/\/\d+(\.\d+|_fsm|_vm)?$/.test(path)) continue
    const content = readFileSync(join(server.dataFolder, 'base', path))
    for (let at = 0; at + pageBytes <= content.length; at += pageBytes) {
      const of = (BigInt(content.readUInt32LE(at)) << 32n) + BigInt(content.readUInt32LE(at + 4))
      if (of > lsn) changed += pageBytes
    }
  }
  return changed
}

function mebibytes(count: number): string {
  return `${(count / 2 ** 20).toFixed(count < 2 ** 27 ? 1 : 0)} MiB`
}
