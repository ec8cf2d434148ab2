import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { SeededRandom } from '../testing/seeded-random.ts'

/** Bytes of real files to cut new files from. */
export interface Corpus {
  readonly pieces: readonly Buffer[]
  readonly bytes: number
}

/** Corpora of programs (machine code, mostly) and of sources and texts. */
export interface Corpora {
  readonly programs: Corpus
  readonly sources: Corpus
}

/**
 * Reads both from node_modules, whose content package-lock.json pins: the same on every machine of one kind.
 * `bytesMax` of each are read; they are held in memory.
 */
export function readCorpora(nodeModules: string, bytesMax = 256 * 1024 * 1024): Corpora {
  const programs: string[] = []
  const sources: string[] = []
  for (const entry of readdirSync(nodeModules, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.parentPath.includes('.cache')) continue
    const path = join(entry.parentPath, entry.name)
    if (/\.(ts|js|mjs|cjs|json|md|txt|map)$/.test(entry.name)) sources.push(path)
    else if (statSync(path).size > 1024 * 1024) programs.push(path)
  }
  return { programs: readCorpus(programs, bytesMax), sources: readCorpus(sources, bytesMax) }
}

function readCorpus(paths: readonly string[], bytesMax: number): Corpus {
  const pieces: Buffer[] = []
  let bytes = 0
  for (const path of paths.toSorted()) {
    const piece = readFileSync(path).subarray(0, bytesMax - bytes)
    if (piece.length > 0) pieces.push(piece)
    bytes += piece.length
  }
  return { pieces, bytes }
}

/** Pieces this long are short enough that two new files never share a chunk, and long enough to compress as real files do. */
const spliceBytesMin = 8 * 1024
const spliceBytesMax = 96 * 1024

/** Fills `target` with splices from random places of the corpus: compressible like it, and equal to nothing else. */
export function splice(target: Buffer, corpus: Corpus, random: SeededRandom): void {
  for (let at = 0; at < target.length; ) {
    const wanted = Math.min(spliceBytesMin + random.below(spliceBytesMax - spliceBytesMin), target.length - at)
    at += copyFrom(corpus, random.below(corpus.bytes), target.subarray(at, at + wanted))
  }
}

/** Copies from this offset of all pieces laid end to end; answers the count of bytes that the piece there had. */
function copyFrom(corpus: Corpus, offset: number, target: Buffer): number {
  let left = offset
  for (const piece of corpus.pieces) {
    if (left < piece.length) return piece.copy(target, 0, left, left + target.length)
    left -= piece.length
  }
  throw new Error(`Cannot copy from offset ${offset} of a corpus of ${corpus.bytes} bytes`)
}
