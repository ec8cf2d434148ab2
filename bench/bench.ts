/**
 * Measures this program against restic: the same data, the same disk, in turn. Prints the table, and writes
 * bench/RESULTS.md where everything was measured in full size.
 *
 *   npm run bench                                  all of it: about 40 GB of disk, about 20 minutes
 *   npm run bench -- --scale 0.02 --rounds 1       tries the road in a minute
 *   npm run bench -- --rows first-mixed,check-mixed --rounds 3
 *
 *   --restic PATH    another restic than the newest on the PATH
 *   --folder PATH    where data and repositories go (default: below the machine's temporary folder)
 *   --seed TEXT      other data
 *   --keep           leave data, repositories and logs there
 *   --output FILE    write the page there, whatever was measured
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectFolder } from '../scripts/source-files.ts'
import { findRestics, resticAt } from '../testing/restic.ts'
import { type Contender, ourProgram, password, resticProgram } from './contender.ts'
import { readCorpora } from './corpus.ts'
import { dataSetNames, makeDataSet, roundsOf } from './data-sets.ts'
import { installedProgram } from './installed-program.ts'
import { resultsPage, type Sample } from './results-page.ts'
import { rows } from './rows.ts'
import { runRound } from './run-round.ts'
import { writeSection } from './write-section.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    rows: { type: 'string' },
    restic: { type: 'string' },
    folder: { type: 'string', default: join(os.tmpdir(), 'zakops-bench') },
    seed: { type: 'string', default: 'zakops' },
    output: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
})
const rounds = positive('--rounds', values.rounds)
const scale = positive('--scale', values.scale)
const rowNames = values.rows?.split(',') ?? rows.map(({ name }) => name)
const unknown = rowNames.filter((name) => !rows.some((row) => row.name === name))
if (unknown.length > 0)
  stop(`there is no row "${unknown.join('", "')}"; there are ${rows.map(({ name }) => name).join(', ')}`)
const chosen = rows.filter(({ name }) => rowNames.includes(name))

const restic = values.restic === undefined ? findRestics()[0] : resticAt(values.restic)
if (restic === undefined) stop('there is no restic on the PATH; --restic names one elsewhere')
const version = JSON.parse(
  execFileSync('npm', ['pkg', 'get', 'version'], { cwd: projectFolder, encoding: 'utf8' }),
) as string
execFileSync(process.execPath, [join(projectFolder, 'scripts/build.ts')], { stdio: 'inherit' })
mkdirSync(values.folder, { recursive: true })
const contenders: readonly Contender[] = [
  ourProgram(installedProgram(values.folder), `zakops-backup ${version}, compiled`),
  resticProgram(restic),
]

const corpora = readCorpora(join(projectFolder, 'node_modules'))
const dataSets = dataSetNames
  .filter((name) => chosen.some((row) => row.dataSet === name))
  .map((name) => {
    console.log(`data: ${name}`)
    return makeDataSet(name, values.folder, values.seed, scale, corpora)
  })

const samples: Sample[] = []
for (const dataSet of dataSets) {
  const wanted = new Set(chosen.filter((row) => row.dataSet === dataSet.name).map((row) => row.step))
  for (let round = 1; round <= roundsOf(dataSet.name, rounds); round++) {
    // The one that goes first finds a quieter disk: they take turns at it.
    for (const contender of round % 2 === 1 ? contenders : contenders.toReversed()) {
      samples.push(
        ...(await runRound({ contender, dataSet, steps: wanted, round, folder: values.folder, readMasterKey })),
      )
    }
  }
}

const page = resultsPage(chosen, samples, {
  date: new Date().toISOString().slice(0, 10),
  commit: commit(),
  machine: `${os.cpus()[0]?.model ?? 'unknown processor'}, ${os.availableParallelism()} cores, ${Math.round(os.totalmem() / 2 ** 30)} GiB, Linux ${os.release()}`,
  ours: contenders[0]!.description,
  restic: contenders[1]!.description,
  node: process.version,
  seed: values.seed,
  scale,
  rounds,
  dataSets,
  provenEqual: dataSets.map(({ name }) => name),
})
console.log(`\n${page}`)
const isWhole = scale === 1 && chosen.length === rows.length
const output = values.output ?? (isWhole ? join(projectFolder, 'bench/RESULTS.md') : undefined)
if (output !== undefined) writeSection(output, 'engine', page)
if (!values.keep) rmSync(values.folder, { recursive: true, force: true })

/** By restic, which reads our repositories as its own. */
function readMasterKey(repository: string): Uint8Array {
  const environment = { ...process.env, RESTIC_PASSWORD: password }
  return execFileSync(restic!.path, ['cat', 'masterkey', '--no-cache', '-r', repository], { env: environment })
}

function commit(): string {
  const changed = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ' with changes'
  return git('rev-parse', '--short', 'HEAD') + changed
}

function git(...words: string[]): string {
  return execFileSync('git', words, { cwd: projectFolder, encoding: 'utf8' }).trim()
}

function positive(option: string, text: string): number {
  const number = Number(text)
  return number > 0 ? number : stop(`${option} is "${text}", expected a number above 0`)
}

function stop(reason: string): never {
  console.error(`Cannot run the benchmark: ${reason}`)
  process.exit(2)
}
