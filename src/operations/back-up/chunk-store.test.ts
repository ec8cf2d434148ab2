import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { BlobType } from '../../model/blob.ts'
import { KernelMemory } from '../../kernels/kernel-memory.ts'
import { ZstdCompressor, ZstdDecompressor } from '../../kernels/zstd.ts'
import { BlobIndex } from '../../repository/blob-index.ts'
import { BlobOpener } from '../../repository/blob-opener.ts'
import { randomMasterKey } from '../../repository/key-derivation.ts'
import type { PackReady } from './backup-job.ts'
import { ChunkStore, type ChunkStoreOptions, packSlotCount } from './chunk-store.ts'
import { unpackBlobList } from './pack-blob-list.ts'
import { PackSlots, releaseSlot } from './pack-slots.ts'

const key = randomMasterKey((count) => randomBytes(count))
const opener = new BlobOpener(key)
const packBytesTarget = 64 * 1024
const slotBytes = 256 * 1024
const memory = new KernelMemory({ regionBytes: packSlotCount * slotBytes })

interface Stored {
  readonly store: ChunkStore
  readonly index: BlobIndex
  readonly packs: Omit<PackReady, 'kind'>[]
  /** Every blob that came out, opened, by type and id. */
  readonly contents: Map<string, Buffer>
}

/** A store whose packs are opened, every blob of them, and then released. */
function storeOf(changes: Partial<ChunkStoreOptions> = {}): Stored {
  const index = BlobIndex.create()
  const packs: Omit<PackReady, 'kind'>[] = []
  const contents = new Map<string, Buffer>()
  const packReady = (pack: Omit<PackReady, 'kind'>): void => {
    packs.push(pack)
    const bytes = new Uint8Array(pack.buffer, pack.start, pack.end - pack.start)
    assert.equal(hash('sha256', bytes), pack.id)
    for (const blob of unpackBlobList(pack)) {
      const name = `${blob.type} ${blob.id}`
      assert.ok(!contents.has(name), `${name} was stored twice`)
      contents.set(name, opener.open(bytes.slice(blob.offset, blob.offset + blob.length), blob))
    }
    index.settlePack(pack.id, unpackBlobList(pack))
    if (pack.slot !== undefined) releaseSlot(pack.states, pack.slot)
  }
  const store = new ChunkStore({
    memory,
    slotsStart: memory.start,
    slotBytes,
    slots: new PackSlots(packSlotCount),
    key,
    randomIv: () => randomBytes(16),
    index,
    compressors: { data: new ZstdCompressor(1), tree: new ZstdCompressor(1) },
    decompressor: new ZstdDecompressor(),
    packBytesTarget,
    dryRun: false,
    packReady,
    ...changes,
  })
  return { store, index, packs, contents }
}

const blobs = fc.array(
  fc.record({
    type: fc.constantFrom<BlobType>('data', 'data', 'tree'),
    length: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 70_000 })),
    seed: fc.nat(5),
    isRandom: fc.boolean(),
  }),
  { maxLength: 40 },
)

function contentOf({ length, seed, isRandom }: { length: number; seed: number; isRandom: boolean }): Buffer {
  const bytes = Buffer.alloc(length, `${seed} and again `)
  if (isRandom) for (let at = 0; at < length; at += 32) hash('sha256', `${seed} ${at}`, 'buffer').copy(bytes, at)
  return bytes
}

function byName(contents: ReadonlyMap<string, Buffer>): [string, Buffer][] {
  return [...contents].sort(([a], [b]) => (a < b ? -1 : 1))
}

for (const compressors of ['both', 'tree', 'none'] as const) {
  test(`ChunkStore packs each blob once, and all of them open again (compressed: ${compressors})`, () => {
    fc.assert(
      fc.property(blobs, (list) => {
        const tree = new ZstdCompressor(1)
        const made = storeOf({
          compressors:
            compressors === 'none'
              ? undefined
              : { tree, data: compressors === 'both' ? new ZstdCompressor(1) : undefined },
        })
        const expected = new Map<string, Buffer>()
        for (const blob of list) {
          const content = contentOf(blob)
          const id = made.store.store(blob.type, content)
          assert.equal(id, hash('sha256', content))
          expected.set(`${blob.type} ${id}`, content)
        }
        const stored = made.store.takeStored()
        made.store.flush()
        assert.deepEqual(byName(made.contents), byName(expected))
        assert.equal(stored.dataBlobs + stored.treeBlobs, expected.size)
        const bytes = [...expected.values()].reduce((sum, content) => sum + content.length, 0)
        assert.equal(stored.dataAdded + stored.treesAdded, bytes)
        const packed = made.packs.flatMap((pack) => unpackBlobList(pack))
        assert.equal(
          stored.dataAddedPacked,
          packed.reduce((sum, blob) => sum + blob.length, 0),
        )
        for (const { type, uncompressedLength } of packed) {
          if (compressors === 'none' || (type === 'data' && compressors === 'tree')) {
            assert.equal(uncompressedLength, undefined)
          }
          if (type === 'tree' && compressors !== 'none') assert.notEqual(uncompressedLength, undefined)
        }
        for (const pack of made.packs) assert.equal(new Set(unpackBlobList(pack).map(({ type }) => type)).size, 1)
        tree.close()
      }),
      { numRuns: 40 },
    )
  })
}

test('ChunkStore ends a pack at its target, and hands over the rest by flush()', () => {
  const { store, packs } = storeOf()
  for (let count = 0; count < 40; count++) store.store('data', randomBytes(8000))
  const sizes = packs.map(({ start, end }) => end - start)
  assert.equal(packs.length, 4)
  assert.ok(sizes.every((size) => size >= packBytesTarget && size < packBytesTarget + 9000))
  store.flush()
  assert.equal(packs.length, 5)
  store.flush()
  assert.equal(packs.length, 5)
})

test('ChunkStore gives a blob that no slot can hold a pack of its own', () => {
  const { store, packs, contents } = storeOf()
  const small = randomBytes(100)
  store.store('tree', small)
  const large = randomBytes(slotBytes * 3)
  const id = store.store('tree', large)
  assert.equal(packs.length, 1)
  assert.equal(packs[0]!.slot, undefined)
  assert.deepEqual(contents.get(`tree ${id}`), large)
  store.flush()
  assert.equal(packs.length, 2)
  assert.equal(contents.size, 2)
})

test('ChunkStore of a dry run hands over nothing, and counts what it would store', () => {
  const { store, packs } = storeOf({ dryRun: true })
  for (let count = 0; count < 10; count++) store.store('data', randomBytes(20_000))
  store.store('data', Buffer.alloc(1000))
  store.store('data', Buffer.alloc(1000))
  store.flush()
  const { dataBlobs, dataAdded, dataAddedPacked } = store.takeStored()
  assert.deepEqual(packs, [])
  assert.equal(dataBlobs, 11)
  assert.equal(dataAdded, 201_000)
  assert.ok(dataAddedPacked > 200_000 && dataAddedPacked < 202_000)
  assert.equal(store.takeStored().dataBlobs, 0)
})

test('ChunkStore stores nothing that is known, and again what was claimed in vain', () => {
  const { store, packs, index } = storeOf({ dryRun: true })
  const content = randomBytes(1000)
  const id = store.store('data', content)
  assert.equal(index.claim(id, 'data'), false)
  index.releaseClaims()
  assert.equal(index.claim(id, 'data'), true)
  index.add(index.addPack('ab'.repeat(32)), {
    id,
    type: 'data',
    offset: 0,
    length: 1032,
    uncompressedLength: undefined,
  })
  index.releaseClaims()
  assert.equal(index.claim(id, 'data'), false)
  assert.deepEqual(packs, [])
})

test('ChunkStore refuses to store what its compressor can not give back', () => {
  const right = new ZstdCompressor(1)
  const content = Buffer.alloc(5000, 'again and again ')
  const faults: Record<string, (input: Uint8Array, output: Uint8Array) => number> = {
    'reads back as other bytes': (_, output) => right.compress(Buffer.alloc(5000, 'Again and again '), output),
    'can not be read back': (input, output) => {
      const length = right.compress(input, output)
      output.fill(0xff, 4, length)
      return length
    },
  }
  for (const [message, compress] of Object.entries(faults)) {
    const wrong = { compress }
    for (const type of ['data', 'tree'] as const) {
      const { store, packs } = storeOf({ compressors: { data: wrong, tree: wrong } })
      assert.throws(() => store.store(type, content), { code: 'defect', message: new RegExp(message) })
      store.flush()
      assert.equal(packs.length, 0)
    }
  }
})
