/**
 * Measures whether the forecast of the recovery time is true: a policy of files and a SQLite database grows from drill to
 * drill, and before the drills of each size after the first `status` says how long one will take, from those before. Each size
 * is drilled several times, since the same drill takes more or less as the machine has other things to do; the median counts.
 * Writes its section of bench/RESULTS.md.
 *
 *   npm run bench:forecast                         400, 800 and 1600 MB, three drills each: about 8 GB of disk
 *   npm run bench:forecast -- --megabytes 10,30,100 --rounds 1 --output /tmp/page.md
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { projectFolder } from '../scripts/source-files.ts'
import { readCorpora } from './corpus.ts'
import { dataSetSizes, makeDataSet } from './data-sets.ts'
import { growDatabase } from './grow-database.ts'
import { installedProgram } from './installed-program.ts'
import { measure } from './measure.ts'
import { awaitQuiet, ProcessorWatch } from './processor-watch.ts'
import { writeSection } from './write-section.ts'

/** A forecast may be so far from what is measured then. */
const errorMax = 0.2
const location = 'secondary' // The one that a drill has.
/** So long a drill waits for other programs to leave the machine alone; then it is held all the same. */
const quietMsMax = 120_000

const drillSchema = z.object({ outcome: z.literal('recovered'), durationMs: z.number() })
const statusSchema = z.object({
  recovery_time_forecasts: z.array(
    z.object({
      location: z.string(),
      duration_ms: z.number().nullable(),
      least_ms: z.number().nullable(),
      most_ms: z.number().nullable(),
    }),
  ),
})

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '400,800,1600' },
    rounds: { type: 'string', default: '3' },
    folder: { type: 'string', default: join(os.tmpdir(), 'zakops-bench-forecast') },
    output: { type: 'string', default: join(projectFolder, 'bench/RESULTS.md') },
  },
})
const sizes = values.megabytes.split(',').map(Number)
if (sizes.length < 2 || sizes.some((size, index) => !(size > (sizes[index - 1] ?? 0)))) {
  throw new Error(`Cannot measure with --megabytes "${values.megabytes}": expected two sizes or more, each larger`)
}
const rounds = Number(values.rounds)
if (!(rounds >= 1)) throw new Error(`Cannot measure with --rounds "${values.rounds}": expected 1 or more`)
const at = (...names: string[]): string => join(values.folder, ...names)

execFileSync(process.execPath, [join(projectFolder, 'scripts/build.ts')], { stdio: 'inherit' })
rmSync(values.folder, { recursive: true, force: true })
mkdirSync(at('documents'), { recursive: true })
const program = installedProgram(values.folder)
const corpora = readCorpora(join(projectFolder, 'node_modules'))
writeFileSync(at('passphrase'), 'a passphrase for the safe\n')
growDatabase(at('state.db'), 0)
const places = ['--primary', at('primary'), '--secondary', at('secondary')]
const sources = ['--source', `files:documents=${at('documents')}`, '--source', `sqlite:state=${at('state.db')}`]
await run(['init', '--environment', 'production', ...places, ...sources, '--yes'])

interface Forecast {
  readonly seconds: number
  readonly leastSeconds: number
  readonly mostSeconds: number
}

/** The drills of one size. */
interface Drills {
  readonly megabytes: number
  /** Undefined before the first drills. */
  readonly forecast: Forecast | undefined
  /** What each says that recovery took, and how much of the machine other programs had meanwhile. */
  readonly measured: readonly { readonly seconds: number; readonly othersShare: number }[]
}

const all: Drills[] = []
for (const megabytes of sizes) all.push(await drillsOf(megabytes, sizes[all.length - 1] ?? 0))
const page = pageOf(all)
console.log(`\n${page}`)
writeSection(values.output, 'forecast', page)
rmSync(values.folder, { recursive: true, force: true })

/** Half of what the policy grows by are files, half the database. */
async function drillsOf(megabytes: number, before: number): Promise<Drills> {
  const half = ((megabytes - before) * 1e6) / 2
  makeDataSet('mixed', at('documents'), `forecast-${megabytes}`, half / dataSetSizes('mixed', 1).bytes, corpora)
  growDatabase(at('state.db'), half)
  await run(['backup'])
  if (before === 0) {
    await run(['keys', 'export', '--to', at('safe.json'), '--password-file', at('passphrase')])
  }
  const forecast = await askForecast()
  const measured = []
  for (let round = 0; round < rounds; round++) measured.push(await oneDrill())
  const told = measured.map(({ seconds, othersShare }) => `${said(seconds)} (others ${percent(othersShare)})`)
  console.log(`${megabytes} MB: forecast ${said(forecast?.seconds)}, measured ${told.join(', ')}`)
  return { megabytes, forecast, measured }
}

async function oneDrill(): Promise<Drills['measured'][number]> {
  execFileSync('sync')
  await awaitQuiet(quietMsMax)
  const keys = ['--keyring-export', at('safe.json'), '--password-file', at('passphrase')]
  const watch = new ProcessorWatch()
  await run(['procedure', 'run', 'recovery-drill', '--into', at('drill'), ...keys, '--json'])
  const othersShare = watch.othersShare()
  const { durationMs } = drillSchema.parse(lastLine())
  rmSync(at('drill'), { recursive: true, force: true })
  return { seconds: durationMs / 1000, othersShare }
}

function secondsOf(ms: number | null): number {
  return (ms ?? Number.NaN) / 1000
}

/** What status says; exit code 5 is of clauses that a policy of an hour does not keep yet. */
async function askForecast(): Promise<Forecast | undefined> {
  await run(['status', '--json'], [0, 5])
  const { recovery_time_forecasts: forecasts } = statusSchema.parse(lastLine())
  const found = forecasts.find((one) => one.location === location)
  if (found === undefined || found.duration_ms === null) return undefined
  return {
    seconds: secondsOf(found.duration_ms),
    leastSeconds: secondsOf(found.least_ms),
    mostSeconds: secondsOf(found.most_ms),
  }
}

async function run(words: readonly string[], codes: readonly number[] = [0]) {
  return await measure(program, words, { cwd: values.folder, environment: {}, log: at('log'), codes })
}

/** The last document that the command before printed. */
function lastLine(): unknown {
  const lines = readFileSync(at('log'), 'utf8').trim().split('\n')
  return JSON.parse(lines.findLast((line) => line.startsWith('{')) ?? 'null')
}

function pageOf(sized: readonly Drills[]): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: projectFolder, encoding: 'utf8' }).trim()
  return `# Recovery time: forecast and measured

${new Date().toISOString().slice(0, 10)}, commit ${commit}. ${os.cpus()[0]?.model ?? ''}, ${os.availableParallelism()} cores, Node ${process.version}.
A policy of files and a SQLite database, half of the bytes each, grows from drill to drill. Each forecast is what \`status\` says
right before the drills of a size, from those of the sizes before; measured is what a drill itself puts on record, the median of ${rounds}
(shortest to longest). A drill waits up to ${quietMsMax / 60_000} minutes for a quiet machine; so much of the processors other programs had all the same. Wanted: within ${errorMax * 100} %.

| data | forecast (range) | measured | forecast is off by | reached | other programs |
|---|---|---|---|---|---|
${sized.map((one) => rowOf(one)).join('\n')}
`
}

function rowOf({ megabytes, forecast, measured }: Drills): string {
  const times = measured.map(({ seconds }) => seconds).toSorted((a, b) => a - b)
  const median = medianOf(times)
  const others = medianOf(measured.map(({ othersShare }) => othersShare).toSorted((a, b) => a - b))
  const took = `${said(median)} (${said(times[0])} to ${said(times.at(-1))})`
  if (forecast === undefined) return `| ${megabytes} MB | not measured | ${took} |  |  | ${percent(others)} |`
  const { seconds, leastSeconds, mostSeconds } = forecast
  const error = seconds / median - 1
  const reached = Math.abs(error) <= errorMax ? 'yes' : '**no**'
  const told = `${said(seconds)} (${said(leastSeconds)} to ${said(mostSeconds)})`
  return `| ${megabytes} MB | ${told} | ${took} | ${error < 0 ? '' : '+'}${percent(error)} | ${reached} | ${percent(others)} |`
}

function medianOf(sorted: readonly number[]): number {
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`
}

function said(seconds: number | undefined): string {
  return seconds === undefined ? 'not measured' : `${seconds.toFixed(2)} s`
}
