/**
 * Measures what the proof of a restore costs: a restore test of a PostgreSQL source, from the order to the result, beside a
 * plain restore of the same backup and the start of a server on it. Prints a table, and puts it into bench/RESULTS.md with
 * --write.
 *
 *   npm run bench:restore-test -- --scale 150 --rounds 5 --write
 */
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { environment, programPath, zakops } from '../e2e/program.ts'
import { projectFolder } from '../scripts/source-files.ts'
import { startPostgresqlServer } from '../testing/postgresql-server.ts'
import { runWell } from '../testing/run-program.ts'
import { startRestoredCluster } from '../testing/start-restored-cluster.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { measure, middle } from './measure.ts'
import { writeSection } from './write-section.ts'

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
})
/** A restore test may take so many times as long. */
const ratioMax = 1.25
/** pgbench of this version is there. */
const version = 15
await using folder = temporaryFolder('bench-restore-test')
chmodSync(folder.path, 0o755)
await using server = await startPostgresqlServer({ version, settings: { max_wal_size: '4GB' } })
await runWell(join(server.binFolder, 'pgbench'), ['-i', '-q', '-s', values.scale, server.url], {})
await server.psql('checkpoint')
const megabytes = Math.round(Number(await server.psql("select pg_database_size('postgres')")) / 2 ** 20)
const policy = ['--policy', folder.at('zakops-backup.yaml')]
const start = {
  environment: { ...environment, PATH: `${server.binFolder}:${process.env.PATH}`, TMPDIR: folder.path },
  cwd: folder.path,
}
await zakops(['init', '--yes', '--source', `postgresql:main=${server.url}`, ...policy], start)
await zakops(['backup', ...policy], start)
await server.stop()

const [tests, restores, starts]: [number[], number[], number[]] = [[], [], []]
for (let round = 1; round <= Number(values.rounds); round++) {
  const into = folder.at('restored')
  const workFolder = folder.at('work')
  for (const path of [into, workFolder]) rmSync(path, { recursive: true, force: true })
  mkdirSync(workFolder)
  restores.push(await seconds('restore', 'main', '--to', into))
  const begin = performance.now()
  {
    await using _server = await startRestoredCluster(server, into, workFolder)
    starts.push((performance.now() - begin) / 1000)
  }
  tests.push(await seconds('procedure', 'run', 'restore-test', '--source', 'main', '--seed', `${round}`))
}

const [test, restore, begun] = [tests, restores, starts].map((all) => middle(all)) as [number, number, number]
const ratio = test / (restore + begun)
const lines = [
  '# Restore test of PostgreSQL',
  '',
  `${new Date().toISOString().slice(0, 10)}, commit ${(await runWell('git', ['rev-parse', '--short', 'HEAD'], { cwd: projectFolder })).stdout.trim()}. ` +
    `PostgreSQL ${version}, pgbench scale ${values.scale} (${megabytes} MiB), ${os.availableParallelism()} cores, medians of ${values.rounds}:`,
  '',
  '| | |',
  '|---|---|',
  `| plain restore, read back | ${restore.toFixed(2)} s |`,
  `| start of a server on it | ${begun.toFixed(2)} s |`,
  `| restore test: restored, every row compared, amcheck, negative control, result signed | ${test.toFixed(2)} s |`,
  '',
  `The restore test takes ${ratio.toFixed(2)} times as long as the first two together; wanted: at most ${ratioMax}.`,
]
console.log(lines.join('\n'))
if (values.write) writeSection(join(projectFolder, 'bench/RESULTS.md'), 'restore-test', lines.join('\n'))

async function seconds(...words: string[]): Promise<number> {
  return (await measure(programPath, [...words, ...policy], { ...start, log: folder.at('log') })).wallSeconds
}
