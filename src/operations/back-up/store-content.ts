import { readSync } from 'node:fs'
import { chunkBytesMin, type KernelMemory } from '../../kernels/kernel-memory.ts'
import type { ChunkStore } from './chunk-store.ts'

/** Bytes asked of the system at once: what was just read is still in the processor's cache when it is hashed. */
const stepBytes = 1024 * 1024

/** The part of a worker's memory into which files are read: a largest chunk and a step, at least. */
export interface ReadWindow {
  readonly memory: KernelMemory
  readonly start: number
  readonly end: number
  /** Chunks are all of so many bytes, but the last; undefined where the content says where they end. */
  readonly chunkBytes?: number | undefined
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
  let to = window.start // Bytes read and not yet stored lie before this.
  for (let atEnd = false; !atEnd; ) {
    const wanted = Math.min(stepBytes, window.end - to)
    const count = readSync(fd, memory.bytes, to, wanted, null)
    to += count
    bytes += count
    // More was asked for than the file has, and did not come: this was the end.
    atEnd = count === 0 || (bytes === sizeExpected && count < wanted)
    if (atEnd && ids.length === 0 && bytes <= (window.chunkBytes ?? chunkBytesMin)) {
      if (bytes > 0) ids.push(store.store('data', memory.bytes.subarray(window.start, to)))
      return { ids, bytes }
    }
    let from = window.start
    for (let length; from < to && (length = cut(window, from, to, atEnd)) > 0; from += length) {
      ids.push(store.store('data', memory.bytes.subarray(from, from + length)))
    }
    to = moveToStart(window, from, to)
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
    const count = readSync(fd, memory.bytes, to, Math.min(stepBytes, window.end - to), position)
    position += count
    to += count
    const isAtEnd = count === 0
    let at = window.start
    for (let length; at < to && (length = cut(window, at, to, isAtEnd)) > 0; at += length) {
      lengths.push(length)
      scanned += length
    }
    if (isAtEnd) return { lengths, isAtEnd }
    to = moveToStart(window, at, to)
  }
  return { lengths, isAtEnd: false }
}

/** Like scanChunks(), of a file of `size` bytes that is cut without looking at it. */
export function fixedChunks(
  size: number,
  from: number,
  bytesMax: number,
  chunkBytes: number,
): { readonly lengths: readonly number[]; readonly isAtEnd: boolean } {
  const lengths: number[] = []
  const end = Math.min(size, from + bytesMax)
  let at = from
  for (; at < end; at += chunkBytes) lengths.push(Math.min(chunkBytes, size - at))
  return { lengths, isAtEnd: at >= size }
}

/** Length of the first chunk of what lies there; 0 asks for more bytes. */
function cut({ memory, chunkBytes }: ReadWindow, from: number, to: number, atEnd: boolean): number {
  if (chunkBytes === undefined) return memory.cut(from, to, atEnd)
  const bytes = to - from
  return bytes >= chunkBytes ? chunkBytes : atEnd ? bytes : 0
}

/** Moves what is left of the window to its start, where little memory serves for much data. Answers its end. */
function moveToStart({ memory, start }: ReadWindow, from: number, to: number): number {
  if (from > start) memory.bytes.copyWithin(start, from, to)
  return start + to - from
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
    if (filled > 0) ids.push(store.store('data', memory.bytes.subarray(start, start + filled)))
    bytes += filled
    if (filled < length) break
  }
  return { ids, bytes }
}
