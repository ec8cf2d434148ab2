import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { zstdCompressSync } from 'node:zlib'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { storePages } from './store-pages.ts'

const pageBytes = 8192

/** Stores into memory; answers the lengths of what was stored. */
function memoryStore(known: ReadonlySet<string> = new Set()) {
  const lengths: number[] = []
  return {
    lengths,
    has: (_type: string, id: string) => known.has(id),
    compressedLength: (bytes: Uint8Array) => Math.min(bytes.length, zstdCompressSync(bytes).length),
    store: (_type: string, bytes: Uint8Array, { id = hash('sha256', bytes) }: { readonly id?: string } = {}) => {
      lengths.push(bytes.length)
      return id
    },
  }
}

test('storePages() keeps a group together that gets small, and takes one apart that does not', () => {
  const small = Buffer.alloc(8 * pageBytes, 'a row like any other ')
  const together = memoryStore()
  assert.deepEqual(storePages(small, pageBytes, together), [hash('sha256', small)])
  assert.deepEqual(together.lengths, [small.length])

  const random = seededRandom('pages').bytes(5 * pageBytes + 100)
  const apart = memoryStore()
  const ids = storePages(random, pageBytes, apart)
  assert.deepEqual(apart.lengths, [...Array<number>(5).fill(pageBytes), 100])
  assert.equal(ids[2], hash('sha256', random.subarray(2 * pageBytes, 3 * pageBytes)))
})

test('storePages() does not look twice at a group that is stored, and never cuts one page', () => {
  const random = seededRandom('pages').bytes(4 * pageBytes)
  const id = hash('sha256', random)
  assert.deepEqual(storePages(random, pageBytes, memoryStore(new Set([id]))), [id])
  const page = random.subarray(0, pageBytes)
  assert.deepEqual(storePages(page, pageBytes, memoryStore()), [hash('sha256', page)])
})
