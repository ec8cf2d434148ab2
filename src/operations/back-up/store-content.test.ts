import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { appendFileSync, closeSync, ftruncateSync, openSync, writeFileSync } from 'node:fs'
import { after, test } from 'node:test'
import { chunkBytesMax, chunkBytesMin, KernelMemory } from '../../kernels/kernel-memory.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import type { ChunkStore } from './chunk-store.ts'
import { fixedChunks, type ReadWindow, scanChunks, storeChunks, storeContent } from './store-content.ts'

const random = seededRandom('store content')
const folder = temporaryFolder('store-content')
after(() => folder[Symbol.asyncDispose]())

const megabyte = 1024 * 1024
const gearKey = random.bytes(32)

function windowOf(bytes: number): ReadWindow {
  const memory = new KernelMemory({ regionBytes: bytes })
  memory.setGearKey(gearKey)
  return { memory, start: memory.start, end: memory.start + bytes }
}

const window = windowOf(chunkBytesMax + megabyte)

/** A store that keeps what it is given; `stored` may do something each time. */
function keepingStore(stored: (count: number) => void = () => {}): { store: ChunkStore; contents: Buffer[] } {
  const contents: Buffer[] = []
  const store = (_type: string, plaintext: Uint8Array): string => {
    contents.push(Buffer.from(plaintext))
    stored(contents.length)
    return hash('sha256', plaintext)
  }
  return { store: { store } as unknown as ChunkStore, contents }
}

/** The lengths that the chunker gives to the whole content at once. */
function lengthsOf(content: Uint8Array): number[] {
  const { memory, start } = windowOf(content.length + 64)
  memory.bytes.set(content, start)
  const lengths: number[] = []
  for (let at = 0; at < content.length; at += lengths.at(-1)!) {
    lengths.push(memory.cut(start + at, start + content.length, true))
  }
  return lengths
}

function withFile<Result>(content: Uint8Array, use: (fd: number, path: string) => Result): Result {
  const path = folder.at('file')
  writeFileSync(path, content)
  const fd = openSync(path, 'r+')
  try {
    return use(fd, path)
  } finally {
    closeSync(fd)
  }
}

/** Scans of `scanBytes` each, and the chunks in jobs of `chunksPerJob`. */
function storeShared(
  fd: number,
  scanBytes: number,
  chunksPerJob: number,
): { lengths: number[]; ids: string[]; contents: Buffer[] } {
  const { store, contents } = keepingStore()
  const lengths: number[] = []
  const ids: string[] = []
  for (let from = 0, isAtEnd = false; !isAtEnd; ) {
    const scan = scanChunks(fd, from, scanBytes, window)
    for (let at = 0; at < scan.lengths.length; at += chunksPerJob) {
      const job = scan.lengths.slice(at, at + chunksPerJob)
      const { ids: found, bytes } = storeChunks(fd, from, job, window, store)
      ids.push(...found)
      from += bytes
    }
    lengths.push(...scan.lengths)
    isAtEnd = scan.isAtEnd
  }
  return { lengths, ids, contents }
}

const contents: readonly [name: string, content: Buffer][] = [
  ['nothing', Buffer.alloc(0)],
  ['one byte', Buffer.from('x')],
  ['one less than the least chunk', random.bytes(chunkBytesMin - 1)],
  ['the least chunk', random.bytes(chunkBytesMin)],
  ['one more than the least chunk', random.bytes(chunkBytesMin + 1)],
  ['one read', random.bytes(megabyte)],
  ['one read and a byte', random.bytes(megabyte + 1)],
  ['the largest chunk of zeros', Buffer.alloc(chunkBytesMax)],
  ['a byte more than the largest chunk of zeros', Buffer.alloc(chunkBytesMax + 1)],
  ['the window, of zeros', Buffer.alloc(chunkBytesMax + megabyte)],
  ['twice the window, of zeros', Buffer.alloc(2 * (chunkBytesMax + megabyte))],
  ['the window', random.bytes(chunkBytesMax + megabyte)],
  ['random and zeros', Buffer.concat([random.bytes(9 * megabyte + 77), Buffer.alloc(12 * megabyte), random.bytes(99)])],
]

for (const [name, content] of contents) {
  test(`storeContent(), and scanChunks() with storeChunks(), cut ${name} where the chunker does`, () => {
    const lengths = lengthsOf(content)
    withFile(content, (fd) => {
      const { store, contents: chunks } = keepingStore()
      const { ids, bytes } = storeContent(fd, content.length, window, store)
      assert.equal(bytes, content.length)
      assert.deepEqual(
        chunks.map((chunk) => chunk.length),
        lengths,
      )
      assert.ok(Buffer.concat(chunks).equals(content))
      assert.deepEqual(
        ids,
        chunks.map((chunk) => hash('sha256', chunk)),
      )
      for (const [scanBytes, chunksPerJob] of [
        [64 * megabyte, 8],
        [3 * megabyte, 1],
        [1, 2],
      ] as const) {
        const shared = storeShared(fd, scanBytes, chunksPerJob)
        assert.deepEqual(shared.lengths, lengths)
        assert.deepEqual(shared.ids, ids)
      }
    })
  })
}

test('storeContent() does not rely on the size that it is told', () => {
  for (const content of [random.bytes(100), random.bytes(3 * megabyte), random.bytes(10 * megabyte)]) {
    for (const sizeExpected of [0, 1, content.length - 1, content.length + 1, 100 * megabyte]) {
      withFile(content, (fd) => {
        const { store, contents: chunks } = keepingStore()
        assert.equal(storeContent(fd, sizeExpected, window, store).bytes, content.length)
        assert.ok(Buffer.concat(chunks).equals(content))
      })
    }
  }
})

test('storeContent() reads what a file has grown by, and ends where it was cut off, while it is read', () => {
  const content = random.bytes(12 * megabyte)
  const more = random.bytes(2 * megabyte)
  withFile(content, (fd, path) => {
    const { store, contents: chunks } = keepingStore((count) => {
      if (count === 1) appendFileSync(path, more)
    })
    assert.equal(storeContent(fd, content.length, window, store).bytes, content.length + more.length)
    assert.ok(Buffer.concat(chunks).equals(Buffer.concat([content, more])))
  })
  withFile(content, (fd) => {
    const { store, contents: chunks } = keepingStore((count) => {
      if (count === 1) ftruncateSync(fd, 100)
    })
    const { bytes } = storeContent(fd, content.length, window, store)
    assert.ok(bytes < content.length)
    assert.ok(Buffer.concat(chunks).equals(content.subarray(0, bytes)))
  })
})

test('storeChunks() stops where the file is shorter than it was', () => {
  const content = random.bytes(3000)
  withFile(content, (fd) => {
    for (const [from, lengths, stored] of [
      [0, [1000, 2500, 500], [1000, 2000]],
      [2000, [1000, 1], [1000]],
      [2000, [1001, 500], [1000]],
      [3000, [1], []],
      [9000, [1, 2], []],
    ] as const) {
      const { store, contents: chunks } = keepingStore()
      const { bytes } = storeChunks(fd, from, lengths, window, store)
      assert.deepEqual(
        chunks.map((chunk) => chunk.length),
        stored,
      )
      assert.equal(bytes, Buffer.concat(chunks).length)
    }
  })
})

test('storeContent(), and fixedChunks() with storeChunks(), cut chunks of a fixed size, whatever lies in them', () => {
  const chunkBytes = 64 * 1024
  const fixed = { ...window, chunkBytes }
  for (const bytes of [0, 1, chunkBytes, chunkBytes + 1, 3 * megabyte + 5, chunkBytesMax + 2 * megabyte]) {
    const content = random.bytes(bytes)
    const whole = keepingStore()
    const shared = keepingStore()
    withFile(content, (fd) => {
      const { ids } = storeContent(fd, content.length, fixed, whole.store)
      assert.equal(ids.length, Math.ceil(bytes / chunkBytes))
      for (let from = 0, isAtEnd = false; !isAtEnd; ) {
        const scan = fixedChunks(bytes, from, megabyte, chunkBytes)
        from += storeChunks(fd, from, scan.lengths, fixed, shared.store).bytes
        isAtEnd = scan.isAtEnd
      }
    })
    assert.deepEqual(shared.contents, whole.contents)
    assert.ok(Buffer.concat(whole.contents).equals(content))
    for (const piece of whole.contents.slice(0, -1)) assert.equal(piece.length, chunkBytes)
  }
})
