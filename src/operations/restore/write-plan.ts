import type { BlobIndex } from '../../repository/blob-index.ts'
import type { LocatedFile } from './located-file.ts'
import { type PlannedBlob, planSpans, type Span, type WantedContent } from './plan-spans.ts'

/** A file of which something is to be written. */
export interface FileToWrite extends WantedContent {
  readonly file: LocatedFile
  /** Everything is written anew; else it is there and only some blobs are wrong. */
  readonly content: 'new' | 'keep'
}

/** All of a file, or the blobs of it that are wrong. */
export function fileToWrite(file: LocatedFile, wrong: readonly number[] | 'all'): FileToWrite {
  if (wrong === 'all') return { file, content: 'new', entries: file.entries, offsets: file.offsets }
  return {
    file,
    content: 'keep',
    entries: wrong.map((number) => file.entries[number]!),
    offsets: wrong.map((number) => file.offsets[number]!),
  }
}

/** How some files are to be written. Files are named by their numbers in `files`. */
export interface WritePlan {
  readonly files: readonly FileToWrite[]
  readonly spans: readonly Span[]
  /** By file: all of it comes from one span, so that a worker makes it, writes it and gives it its metadata. */
  readonly isWhole: readonly boolean[]
  /** New files without content. */
  readonly empty: readonly number[]
  /** The others: they are made first, and get their metadata last. */
  readonly inParts: readonly number[]
}

export function planWrite(
  files: readonly FileToWrite[],
  index: Pick<BlobIndex, 'packNumber' | 'offset' | 'length' | 'plaintextLength'>,
): WritePlan {
  const spans = planSpans(files, index)
  /** By file: the number of its only span plus 1; 0 for none, -1 for several. */
  const spanOf = new Int32Array(files.length)
  for (const [number, { blobs }] of spans.entries()) {
    for (const { writes } of blobs) {
      for (let at = 0; at < writes.length; at += 2) {
        const file = writes[at]!
        if (spanOf[file] === 0) spanOf[file] = number + 1
        else if (spanOf[file] !== number + 1) spanOf[file] = -1
      }
    }
  }
  const isWhole = files.map(({ content }, number) => content === 'new' && spanOf[number]! > 0)
  const empty: number[] = []
  const inParts: number[] = []
  for (const [number, { content, entries }] of files.entries()) {
    if (isWhole[number]) continue
    if (content === 'new' && entries.length === 0) empty.push(number)
    else inParts.push(number)
  }
  return { files, spans, isWhole, empty, inParts }
}

/** The files of one span as a job numbers them through. */
export interface SpanFiles {
  /** The whole ones first. */
  readonly numbers: readonly number[]
  readonly wholeCount: number
  /** Blobs of the span that some of these files want, with the files' numbers in the job. */
  readonly blobs: readonly PlannedBlob[]
}

/** Leaves out the files in `except`. */
export function filesOfSpan(span: Span, isWhole: readonly boolean[], except: ReadonlySet<number>): SpanFiles {
  const seen = new Set<number>()
  for (const { writes } of span.blobs) {
    for (let at = 0; at < writes.length; at += 2) if (!except.has(writes[at]!)) seen.add(writes[at]!)
  }
  const whole = [...seen].filter((number) => isWhole[number])
  const numbers = [...whole, ...[...seen].filter((number) => !isWhole[number])]
  const places = new Map(numbers.map((number, place) => [number, place]))
  const blobs: PlannedBlob[] = []
  for (const { entry, writes } of span.blobs) {
    const placed: number[] = []
    for (let at = 0; at < writes.length; at += 2) {
      const place = places.get(writes[at]!)
      if (place !== undefined) placed.push(place, writes[at + 1]!)
    }
    if (placed.length > 0) blobs.push({ entry, writes: placed })
  }
  return { numbers, wholeCount: whole.length, blobs }
}
