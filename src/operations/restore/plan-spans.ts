import type { BlobIndex } from '../../repository/blob-index.ts'

/** A stretch of a pack that is read at once is about so long, so that what waits in memory is bounded. */
const spanBytesTarget = 4 * 1024 * 1024
/** And holds so much content: what compresses well may get forty times as long, and the workers are to share it evenly. */
const contentBytesTarget = 32 * 1024 * 1024
/** Bytes between two wanted blobs that are read along rather than asking twice. */
const gapBytesMax = 128 * 1024

/** What is wanted of one file: entries of the index, with the offset in the file of each. */
export interface WantedContent {
  readonly entries: readonly number[]
  readonly offsets: readonly number[]
}

export interface PlannedBlob {
  readonly entry: number
  /** Pairs: number of a file, offset in it. */
  readonly writes: readonly number[]
}

/** A stretch of one pack, and the wanted blobs in it in the order of their places. */
export interface Span {
  readonly packNumber: number
  readonly offset: number
  readonly length: number
  readonly blobs: readonly PlannedBlob[]
}

/** Which stretches of which packs are to be read for these files, each blob once, in the order of packs. */
export function planSpans(
  files: readonly WantedContent[],
  index: Pick<BlobIndex, 'packNumber' | 'offset' | 'length' | 'plaintextLength'>,
): Span[] {
  const writes = new Map<number, number[]>()
  for (const [file, { entries, offsets }] of files.entries()) {
    for (let at = 0; at < entries.length; at++) {
      const known = writes.get(entries[at]!)
      if (known === undefined) writes.set(entries[at]!, [file, offsets[at]!])
      else known.push(file, offsets[at]!)
    }
  }
  const blobs = Array.from(writes, ([entry, pairs]) => ({
    entry,
    writes: pairs,
    packNumber: index.packNumber(entry),
    offset: index.offset(entry),
    end: index.offset(entry) + index.length(entry),
    contentBytes: index.plaintextLength(entry),
  })).sort((a, b) => a.packNumber - b.packNumber || a.offset - b.offset)

  const spans: (Span & { length: number; blobs: PlannedBlob[] })[] = []
  let spanContentBytes = 0
  for (const { entry, writes: pairs, packNumber, offset, end, contentBytes } of blobs) {
    const last = spans.at(-1)
    const joins =
      last !== undefined &&
      last.packNumber === packNumber &&
      offset - (last.offset + last.length) <= gapBytesMax &&
      end - last.offset <= spanBytesTarget &&
      spanContentBytes + contentBytes <= contentBytesTarget
    spanContentBytes = (joins ? spanContentBytes : 0) + contentBytes
    if (joins) {
      last.blobs.push({ entry, writes: pairs })
      last.length = Math.max(last.length, end - last.offset)
    } else spans.push({ packNumber, offset, length: end - offset, blobs: [{ entry, writes: pairs }] })
  }
  return spans
}
