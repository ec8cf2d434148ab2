import { execFileSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { treeDifferences } from '../testing/tree-differences.ts'
import { type Contender, password, type Place, type Step, steps } from './contender.ts'
import type { DataSet } from './data-sets.ts'
import { measure } from './measure.ts'
import type { Sample } from './results-page.ts'

/**
 * One round of one program over one tree, in a folder of its own: a new repository, the first backup, and those of the further steps that are
 * wanted. In the first round what it restores is compared with the source, file by file; an Error where they differ.
 */
export async function runRound(request: {
  readonly contender: Contender
  readonly dataSet: DataSet
  readonly steps: ReadonlySet<Step>
  readonly round: number
  readonly folder: string
  /** The master key of a repository, as restic prints it. */
  readonly readMasterKey: (repository: string) => Uint8Array
}): Promise<Sample[]> {
  const { contender, dataSet, round, folder } = request
  const own = join(folder, `${contender.name}-${dataSet.name}-${round}`)
  const place: Place = {
    repository: join(own, 'repository'),
    source: dataSet.path,
    target: join(own, 'target'),
    masterKey: join(own, 'master-key'),
  }
  const cache = join(own, 'cache')
  const mustProve = round === 1
  rmSync(own, { recursive: true, force: true })
  mkdirSync(place.target, { recursive: true })

  const samples: Sample[] = []
  let repositoryBytes = 0
  for (const step of steps) {
    const isWanted = step === 'init' || step === 'first' || request.steps.has(step)
    if (!isWanted && !(step === 'restore' && mustProve)) continue
    if (step === 'unchanged-keyed') writeFileSync(place.masterKey, request.readMasterKey(place.repository))
    if (step !== 'init') warmUp(step === 'check' || step === 'restore' ? place.repository : place.source)
    execFileSync('sync')
    const measurement = await measure(contender.program, [...contender.wordsBefore, ...contender.words(step, place)], {
      cwd: place.source,
      environment: { RESTIC_PASSWORD: password, RESTIC_CACHE_DIR: cache, RESTIC_REPOSITORY: '' },
      log: join(folder, `${contender.name}-${dataSet.name}-${step}.log`),
    })
    console.log(`${dataSet.name} ${step} round ${round} ${contender.name}: ${measurement.wallSeconds.toFixed(2)} s`)
    if (step === 'init') continue
    if (step === 'first') repositoryBytes = bytesBelow(place.repository)
    samples.push({ contender: contender.name, dataSet: dataSet.name, step, round, measurement, repositoryBytes })
  }
  if (mustProve) proveEqual(contender, place)
  if (dataSet.files < manyFiles) rmSync(own, { recursive: true, force: true })
  return samples
}

/**
 * Trees of more files are left until the end: ext4 passes over inodes that were freed in the last minutes one by one,
 * and whoever makes files after a large removal pays for it, by chance the one or the other.
 */
const manyFiles = 1000

/**
 * Reads everything that the step will read, so that both programs find it in the system's cache: some machines give idle
 * pages back within a minute, and whoever comes next would be measured by the disk.
 */
function warmUp(folder: string): void {
  const buffer = Buffer.allocUnsafe(1024 * 1024)
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const fd = openSync(join(entry.parentPath, entry.name), 'r')
    while (readSync(fd, buffer) > 0);
    closeSync(fd)
  }
}

function proveEqual(contender: Contender, place: Place): void {
  // The programs agree on nothing about the target's own root when "." is backed up; all below it counts.
  const restored = existsSync(join(place.target, place.source)) ? join(place.target, place.source) : place.target
  const differences = treeDifferences(place.source, restored).filter((line) => !line.startsWith('.: '))
  if (differences.length === 0) return
  throw new Error(`What ${contender.name} restored is not what it backed up:\n${differences.slice(0, 20).join('\n')}`)
}

function bytesBelow(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + lstatSync(join(entry.parentPath, entry.name)).size, 0)
}
