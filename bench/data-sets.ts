import { closeSync, existsSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { seededRandom, type SeededRandom } from '../testing/seeded-random.ts'
import { type Corpora, type Corpus, splice } from './corpus.ts'

/** The trees that are backed up. */
export const dataSetNames = ['mixed', 'small', 'large'] as const
export type DataSetName = (typeof dataSetNames)[number]

export const dataSetTexts: Readonly<Record<DataSetName, string>> = {
  mixed: 'half random, half programs and sources',
  small: 'small files',
  large: 'one large file, half random, half programs',
}

const MiB = 1024 * 1024

/** What a tree is made of: so many files with so many bytes in all, of one kind. */
interface Part {
  readonly folder: string
  readonly files: number
  readonly bytes: number
  readonly content: 'random' | keyof Corpora
}

/** The parts of each tree in full size. `large` is one file, made in another way. */
const parts: Readonly<Record<'mixed' | 'small', readonly Part[]>> = {
  mixed: [
    { folder: 'random', files: 2000, bytes: 1024 * MiB, content: 'random' },
    { folder: 'programs', files: 1000, bytes: 704 * MiB, content: 'programs' },
    { folder: 'sources', files: 9000, bytes: 320 * MiB, content: 'sources' },
  ],
  small: [
    { folder: 'sources', files: 75_000, bytes: 225 * MiB, content: 'sources' },
    { folder: 'random', files: 25_000, bytes: 75 * MiB, content: 'random' },
  ],
}
const largeBytes = 8192 * MiB

/** The large file takes minutes a round and varies little: three rounds are enough to tell. */
const largeRoundsMax = 3

/** How often a tree is measured where others are measured `rounds` times. */
export function roundsOf(name: DataSetName, rounds: number): number {
  return name === 'large' ? Math.min(rounds, largeRoundsMax) : rounds
}

/** A tree that lies on disk. */
export interface DataSet {
  readonly name: DataSetName
  readonly path: string
  readonly files: number
  readonly bytes: number
}

/**
 * Makes the tree below `folder`, or finds it there from an earlier run with the same seed and scale. `scale` is
 * 1 for the sizes that bench/RESULTS.md speaks of; counts and bytes grow with it.
 */
export function makeDataSet(name: DataSetName, folder: string, seed: string, scale: number, corpora: Corpora): DataSet {
  const path = `${folder}/${name}-${seed}-${scale}`
  const sizes = dataSetSizes(name, scale)
  const done = `${path}.done`
  if (existsSync(done)) return { name, path, ...sizes }
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
  const random = seededRandom(`${seed} ${name} ${scale}`)
  if (name === 'large') writeLargeFile(`${path}/large`, sizes.bytes, corpora.programs, random)
  else for (const part of parts[name]) writePart(path, part, scale, corpora, random)
  writeFileSync(done, '')
  return { name, path, ...sizes }
}

/** How many files with how many bytes the tree has. */
export function dataSetSizes(name: DataSetName, scale: number): { files: number; bytes: number } {
  if (name === 'large') return { files: 1, bytes: Math.round(largeBytes * scale) }
  const all = parts[name].map((part) => partSizes(part, scale))
  return {
    files: all.reduce((sum, sizes) => sum + sizes.length, 0),
    bytes: all.flat().reduce((sum, size) => sum + size, 0),
  }
}

/**
 * Sizes of the files of a part: log-normal, as file systems have it (many small, few large), scaled so that their sum is
 * the part's. They depend on nothing but the counts, so that seeds differ in content only.
 */
function partSizes(part: Part, scale: number): number[] {
  const count = Math.max(1, Math.round(part.files * scale))
  const random = seededRandom(`sizes ${part.folder} ${part.files}`)
  const spread = part.content === 'random' ? 1.5 : 1.2
  const raw = Array.from({ length: count }, () => Math.exp(spread * normal(random)))
  const factor = (part.bytes * scale) / raw.reduce((sum, size) => sum + size, 0)
  return raw.map((size) => Math.max(1, Math.round(size * factor)))
}

/** A draw of the standard normal distribution: twelve uniform ones, added (Irwin and Hall). */
function normal(random: SeededRandom): number {
  let sum = -6
  for (let draw = 0; draw < 12; draw++) sum += random.below(1_000_000) / 1_000_000
  return sum
}

const filesInFolder = 100

function writePart(path: string, part: Part, scale: number, corpora: Corpora, random: SeededRandom): void {
  for (const [index, size] of partSizes(part, scale).entries()) {
    const folder = `${path}/${part.folder}/${Math.floor(index / filesInFolder)}`
    if (index % filesInFolder === 0) mkdirSync(folder, { recursive: true })
    const body = Buffer.allocUnsafe(size)
    if (part.content === 'random') random.fill(body)
    else splice(body, corpora[part.content], random)
    writeFileSync(`${folder}/${index}`, body)
  }
}

/** Stretches of random bytes and of programs in turn, each long enough to hold many chunks. */
function writeLargeFile(path: string, bytes: number, programs: Corpus, random: SeededRandom): void {
  const stretch = Buffer.allocUnsafe(32 * MiB)
  const fd = openSync(path, 'w')
  for (let at = 0, turn = 0; at < bytes; turn++) {
    const body = stretch.subarray(0, Math.min(stretch.length, bytes - at))
    if (turn % 2 === 0) random.fill(body)
    else splice(body, programs, random)
    at += writeSync(fd, body)
  }
  closeSync(fd)
}
