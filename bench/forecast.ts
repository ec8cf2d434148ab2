/**
 * Measures whether the forecast of the recovery time is true: a policy of files and a SQLite database grows from drill to
 * drill, and before each drill after the first `status` says how long it will take, from the drills before. Writes its
 * section of bench/RESULTS.md.
 *
 *   npm run bench:forecast                         100, 300 and 1000 MB: about 5 GB of disk
 *   npm run bench:forecast -- --megabytes 10,30,100 --output /tmp/page.md
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
import { writeSection } from './write-section.ts'

/** A forecast may be so far from what is measured then. */
const errorMax = 0.2
const location = 'secondary' // The one that a drill has.

const drillSchema = z.object({ outcome: z.literal('recovered'), durationMs: z.number() })
const statusSchema = z.object({
  recovery_time_forecasts: z.array(z.object({ location: z.string(), duration_ms: z.number().nullable() })),
})

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '100,300,1000' },
    folder: { type: 'string', default: join(os.tmpdir(), 'zakops-bench-forecast') },
    output: { type: 'string', default: join(projectFolder, 'bench/RESULTS.md') },
  },
})
const sizes = values.megabytes.split(',').map(Number)
if (sizes.length < 2 || sizes.some((size, index) => !(size > (sizes[index - 1] ?? 0)))) {
  throw new Error(`Cannot measure with --megabytes "${values.megabytes}": expected two sizes or more, each larger`)
}
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

interface Drill {
  readonly megabytes: number
  /** Undefined before the first drill. */
  readonly forecastSeconds: number | undefined
  /** What the drill says that recovery took, and how long its command took, negative control included. */
  readonly measuredSeconds: number
  readonly wallSeconds: number
}

const drills: Drill[] = []
for (const megabytes of sizes) drills.push(await oneDrill(megabytes, sizes[drills.length - 1] ?? 0))
const page = pageOf(drills)
console.log(`\n${page}`)
writeSection(values.output, 'forecast', page)
rmSync(values.folder, { recursive: true, force: true })

/** Half of what the policy grows by are files, half the database. */
async function oneDrill(megabytes: number, before: number): Promise<Drill> {
  const half = ((megabytes - before) * 1e6) / 2
  makeDataSet('mixed', at('documents'), 'forecast', half / dataSetSizes('mixed', 1).bytes, corpora)
  growDatabase(at('state.db'), half)
  await run(['backup'])
  if (before === 0) {
    await run(['keys', 'export', '--to', at('safe.json'), '--password-file', at('passphrase')])
  }
  const forecastSeconds = await forecast()
  execFileSync('sync')
  const keys = ['--keyring-export', at('safe.json'), '--password-file', at('passphrase')]
  const words = ['procedure', 'run', 'recovery-drill', '--into', at('drill'), ...keys, '--json']
  const { wallSeconds } = await run(words)
  const { durationMs } = drillSchema.parse(lastLine())
  rmSync(at('drill'), { recursive: true, force: true })
  const drill = { megabytes, forecastSeconds, measuredSeconds: durationMs / 1000, wallSeconds }
  console.log(`${megabytes} MB: forecast ${said(forecastSeconds)}, measured ${said(drill.measuredSeconds)}`)
  return drill
}

/** What status says; exit code 5 is of clauses that a policy of an hour does not keep yet. */
async function forecast(): Promise<number | undefined> {
  await run(['status', '--json'], [0, 5])
  const { recovery_time_forecasts: forecasts } = statusSchema.parse(lastLine())
  const durationMs = forecasts.find((one) => one.location === location)?.duration_ms ?? undefined
  return durationMs === undefined ? undefined : durationMs / 1000
}

async function run(words: readonly string[], codes: readonly number[] = [0]) {
  return await measure(program, words, { cwd: values.folder, environment: {}, log: at('log'), codes })
}

/** The last document that the command before printed. */
function lastLine(): unknown {
  const lines = readFileSync(at('log'), 'utf8').trim().split('\n')
  return JSON.parse(lines.findLast((line) => line.startsWith('{')) ?? 'null')
}

function pageOf(all: readonly Drill[]): string {
  const rows = all.map(({ megabytes, forecastSeconds, measuredSeconds, wallSeconds }) => {
    const error = forecastSeconds === undefined ? undefined : forecastSeconds / measuredSeconds - 1
    const told = error === undefined ? '' : `${error < 0 ? '' : '+'}${(error * 100).toFixed(0)} %`
    const reached = error === undefined ? '' : Math.abs(error) <= errorMax ? 'yes' : '**no**'
    return `| ${megabytes} MB | ${said(forecastSeconds)} | ${said(measuredSeconds)} | ${told} | ${reached} | ${said(wallSeconds)} |`
  })
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: projectFolder, encoding: 'utf8' }).trim()
  return `# Recovery time: forecast and measured

${new Date().toISOString().slice(0, 10)}, commit ${commit}. ${os.cpus()[0]?.model ?? ''}, ${os.availableParallelism()} cores, Node ${process.version}.
A policy of files and a SQLite database, half of the bytes each, grows from drill to drill. Each forecast is what \`status\` says
right before the drill, from the drills before it; measured is what the drill itself puts on record. Wanted: within ${errorMax * 100} %.

| data | forecast | measured | forecast is off by | reached | whole command |
|---|---|---|---|---|---|
${rows.join('\n')}
`
}

function said(seconds: number | undefined): string {
  return seconds === undefined ? 'not measured' : `${seconds.toFixed(2)} s`
}
