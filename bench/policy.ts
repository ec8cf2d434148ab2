/**
 * Measures a whole `backup` command of an unchanged policy against what restic and `sqlite3 .backup` take for the same: a
 * tree of files and some databases, here and copied to a second place. Writes its section of bench/RESULTS.md.
 *
 *   npm run bench:policy
 *   npm run bench:policy -- --files 500 --databases 2 --megabytes 5 --rounds 1 --output /tmp/page.md
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectFolder } from '../scripts/source-files.ts'
import { findRestics } from '../testing/restic.ts'
import { readCorpora } from './corpus.ts'
import { makeDataSet } from './data-sets.ts'
import { growDatabase } from './grow-database.ts'
import { installedProgram } from './installed-program.ts'
import { type Measurement, measure } from './measure.ts'
import { writeSection } from './write-section.ts'

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '50000' },
    databases: { type: 'string', default: '10' },
    megabytes: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '5' },
    folder: { type: 'string', default: join(os.tmpdir(), 'zakops-bench-policy') },
    output: { type: 'string', default: join(projectFolder, 'bench/RESULTS.md') },
  },
})
const restic = findRestics()[0]
if (restic === undefined) throw new Error('Cannot compare: there is no restic on the PATH')
const folder = values.folder
const at = (...names: string[]): string => join(folder, ...names)
const databases = Array.from({ length: Number(values.databases) }, (_, number) => at(`state-${number}.db`))
const environment = { RESTIC_PASSWORD: 'bench', RESTIC_CACHE_DIR: at('cache') }

execFileSync(process.execPath, [join(projectFolder, 'scripts/build.ts')], { stdio: 'inherit' })
rmSync(folder, { recursive: true, force: true })
mkdirSync(at('copies'), { recursive: true })
const program = installedProgram(folder)
const corpora = readCorpora(join(projectFolder, 'node_modules'))
const documents = makeDataSet('small', at('data'), 'policy', Number(values.files) / 100_000, corpora).path
for (const path of databases) growDatabase(path, Number(values.megabytes) * 1e6)

const sources = databases.flatMap((path, number) => ['--source', `sqlite:state-${number}=${path}`])
const init = ['init', '--environment', 'production', '--primary', at('primary'), '--secondary', at('secondary')]
await ours([...init, '--source', `files:documents=${documents}`, ...sources, '--yes'])
console.log('the first backup, of both')
await ours(['backup'])
for (const place of ['restic', 'restic-copy']) await theirs(['init', '-r', at(place)])
await theirBackup()

const rounds: { readonly ours: Measurement; readonly theirs: Measurement }[] = []
for (let round = 1; round <= Number(values.rounds); round++) {
  execFileSync('sync')
  const [first, second] = round % 2 === 1 ? [ourBackup, theirBackup] : [theirBackup, ourBackup]
  const a = await first()
  execFileSync('sync')
  const b = await second()
  rounds.push(round % 2 === 1 ? { ours: a, theirs: b } : { ours: b, theirs: a })
  console.log(
    `round ${round}: ours ${rounds.at(-1)!.ours.wallSeconds.toFixed(2)} s, theirs ${rounds.at(-1)!.theirs.wallSeconds.toFixed(2)} s`,
  )
}
await ours(['verify', '--read-data'])
const mine = rounds.map((round) => round.ours)
const other = rounds.map((round) => round.theirs)
const ratio = median(mine, 'wallSeconds') / median(other, 'wallSeconds')
const page = `# Policy: nothing changed

${new Date().toISOString().slice(0, 10)}, commit ${commit()}. ${os.cpus()[0]?.model ?? ''}, ${os.availableParallelism()} cores, Node ${process.version}, ${restic.description}.
${values.files} files and ${values.databases} SQLite databases of ${values.megabytes} MB, unchanged, each backed up and copied to a second location.
Ours: one \`zakops-backup backup\` (sources, off-site copy, retention). Theirs: \`sqlite3 .backup\` of each database, \`restic backup\` of files
and copies, \`restic copy\` to a second repository. Medians of ${rounds.length}, in turn.

| | wall | CPU | peak memory |
|---|---|---|---|
| ours | ${row(mine)} |
| restic and sqlite3 | ${row(other)} |

Ours takes ${ratio.toFixed(2)} of their time; wanted: under 0.33: ${ratio < 1 / 3 ? 'reached' : '**not reached**'}.
`
console.log(`\n${page}`)
writeSection(values.output, 'policy', page)
rmSync(folder, { recursive: true, force: true })

async function ours(words: readonly string[]): Promise<Measurement> {
  return await measure(program, words, { cwd: folder, environment: {}, log: at('ours.log') })
}

async function theirs(words: readonly string[]): Promise<Measurement> {
  return await measure(restic!.path, words, { cwd: folder, environment, log: at('theirs.log') })
}

async function ourBackup(): Promise<Measurement> {
  return await ours(['backup'])
}

/** What a careful person's script does: consistent copies by the online backup, both repositories. */
async function theirBackup(): Promise<Measurement> {
  const parts: Measurement[] = []
  for (const [number, path] of databases.entries()) {
    const words = [path, `.backup ${at('copies', `state-${number}.db`)}`]
    parts.push(await measure('sqlite3', words, { cwd: folder, environment: {}, log: at('sqlite.log') }))
  }
  parts.push(await theirs(['backup', '-r', at('restic'), documents, at('copies')]))
  const copy = ['copy', '--from-repo', at('restic'), '-r', at('restic-copy')]
  const from = { RESTIC_FROM_PASSWORD: environment.RESTIC_PASSWORD }
  parts.push(
    await measure(restic!.path, copy, { cwd: folder, environment: { ...environment, ...from }, log: at('theirs.log') }),
  )
  const sum = (name: 'wallSeconds' | 'cpuSeconds'): number => parts.reduce((total, part) => total + part[name], 0)
  return {
    wallSeconds: sum('wallSeconds'),
    cpuSeconds: sum('cpuSeconds'),
    peakBytes: Math.max(...parts.map(({ peakBytes }) => peakBytes)),
  }
}

function median(all: readonly Measurement[], name: keyof Measurement): number {
  return all.map((one) => one[name]).toSorted((a, b) => a - b)[all.length >> 1]!
}

function row(all: readonly Measurement[]): string {
  const walls = all.map(({ wallSeconds }) => wallSeconds)
  const spread = `${Math.min(...walls).toFixed(2)}–${Math.max(...walls).toFixed(2)}`
  const peak = Math.round(median(all, 'peakBytes') / 2 ** 20)
  return `${median(all, 'wallSeconds').toFixed(2)} s (${spread}) | ${median(all, 'cpuSeconds').toFixed(2)} s | ${peak} MiB`
}

function commit(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: projectFolder, encoding: 'utf8' }).trim()
}
