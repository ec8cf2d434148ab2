import { readSync } from 'node:fs'
import { chunkBytesMin, type KernelMemory } from '../../kernels/kernel-memory.ts'
import type { ChunkStore } from './chunk-store.ts'

/** The part of a worker's memory into which files are read: more than a largest chunk, 16-aligned. */
export interface ReadWindow {
  readonly memory: KernelMemory
  readonly start: number
  readonly end: number
}

export interface StoredContent {
  readonly ids: readonly string[]
  /** Bytes read. */
  readonly bytes: number
}

/**
 * Reads a file from its beginning to its end, cuts it into chunks and stores them. `sizeExpected` saves the read
 * that finds the end where the size is as expected; it is not relied on otherwise. System errors pass through.
 */
export function storeContent(fd: number, sizeExpected: number, window: ReadWindow, store: ChunkStore): StoredContent {
  const { memory } = window
  const ids: string[] = []
  let bytes = 0
  let from = window.start // Bytes read and not yet stored lie in [from, to).
  let to = window.start
  for (let atEnd = false; !atEnd; ) {
    const count = readSync(fd, memory.bytes, to, window.end - to, null)
    to += count
    bytes += count
    // One byte more was asked for than the file has, and did not come: this was the end.
    atEnd = count === 0 || (bytes === sizeExpected && to < window.end)
    if (atEnd && ids.length === 0 && bytes <= chunkBytesMin) {
      if (bytes > 0) ids.push(store.store('data', memory.bytes.subarray(from, to)).toString('hex'))
      return { ids, bytes }
    }
    if (to < window.end && !atEnd) continue
    for (let length; from < to && (length = memory.cut(from, to, atEnd)) > 0; from += length) {
      ids.push(store.store('data', memory.bytes.subarray(from, from + length)).toString('hex'))
    }
    memory.bytes.copyWithin(window.start, from, to)
    to -= from - window.start
    from = window.start
  }
  return { ids, bytes }
}

/** Lengths of the chunks of a file from `from` on, of about `bytesMax` bytes together. Nothing is stored. */
export function scanChunks(
  fd: number,
  from: number,
  bytesMax: number,
  window: ReadWindow,
): { readonly lengths: readonly number[]; readonly isAtEnd: boolean } {
  const { memory } = window
  const lengths: number[] = []
  let position = from
  let to = window.start
  for (let scanned = 0; scanned < bytesMax; ) {
    const count = readSync(fd, memory.bytes, to, window.end - to, position)
    position += count
    to += count
    const atEnd = count === 0
    if (to < window.end && !atEnd) continue
    let at = window.start
    for (let length; at < to && (length = memory.cut(at, to, atEnd)) > 0; at += length) {
      lengths.push(length)
      scanned += length
    }
    if (atEnd) return { lengths, isAtEnd: true }
    memory.bytes.copyWithin(window.start, at, to)
    to -= at - window.start
  }
  return { lengths, isAtEnd: false }
}

/** Stores the chunks of these lengths that follow each other from `from` on. Stops where the file is shorter than that. */
export function storeChunks(
  fd: number,
  from: number,
  lengths: readonly number[],
  window: ReadWindow,
  store: ChunkStore,
): StoredContent {
  const { memory, start } = window
  const ids: string[] = []
  let bytes = 0
  for (const length of lengths) {
    let filled = 0
    while (filled < length) {
      const count = readSync(fd, memory.bytes, start + filled, length - filled, from + bytes + filled)
      if (count === 0) break
      filled += count
    }
    if (filled > 0) ids.push(store.store('data', memory.bytes.subarray(start, start + filled)).toString('hex'))
    bytes += filled
    if (filled < length) break
  }
  return { ids, bytes }
}
