import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'
import * as fc from 'fast-check'
import { isFailure } from '../base/failure.ts'
import type { BlobType } from '../model/blob.ts'
import { BlobIndex } from './blob-index.ts'

const idOf = (number: number): string => hash('sha256', `blob ${number}`)
const packOf = (number: number): string => hash('sha256', `pack ${number}`)
const blobOf = (number: number, type: BlobType = 'data') => ({
  id: idOf(number),
  type,
  offset: number * 100,
  length: 90 + (number % 10),
  uncompressedLength: number % 2 === 0 ? 200 : undefined,
})

test('BlobIndex.find() answers a blob by text and by bytes, and tells data from tree', () => {
  const index = BlobIndex.create()
  index.settlePack(packOf(0), [blobOf(1), blobOf(2), blobOf(1, 'tree')])
  const entry = index.find(idOf(1), 'data')
  assert.equal(index.find(Buffer.from(idOf(1), 'hex'), 'data'), entry)
  assert.notEqual(index.find(idOf(1), 'tree'), entry)
  assert.equal(index.find(idOf(2), 'tree'), -1)
  assert.equal(index.find(idOf(3), 'data'), -1)
  assert.deepEqual(index.location(entry), { ...blobOf(1), packId: packOf(0) })
  assert.equal(index.plaintextLength(entry), 91 - 32)
  assert.equal(index.plaintextLength(index.find(idOf(2), 'data')), 200)
})

test('BlobIndex finds every one of 50,000 blobs after it grew, and nothing else', () => {
  const index = BlobIndex.create()
  for (let number = 0; number < 50_000; number++) index.add(index.addPack(packOf(number >> 6)), blobOf(number))
  for (let number = 0; number < 50_000; number++) {
    assert.equal(index.offset(index.find(idOf(number), 'data')), number * 100)
  }
  for (let number = 50_000; number < 60_000; number++) assert.equal(index.find(idOf(number), 'data'), -1)
  assert.equal(index.totals().dataBlobs, 50_000)
})

test('BlobIndex goes on when ids are crafted to share their first bytes', () => {
  const index = BlobIndex.create()
  const pack = index.addPack(packOf(0))
  const ids = Array.from({ length: 2_000 }, () => {
    const id = randomBytes(32)
    id.fill(7, 0, 8)
    return id
  })
  for (const [at, id] of ids.entries()) {
    index.add(pack, { id, type: 'data', offset: at, length: 40, uncompressedLength: undefined })
  }
  for (const [at, id] of ids.entries()) assert.equal(index.offset(index.find(id, 'data')), at)
})

test('BlobIndex.claim() is true once, until the claim is given back', () => {
  const index = BlobIndex.create()
  assert.equal(index.claim(idOf(1), 'data'), true)
  assert.equal(index.claim(idOf(1), 'data'), false)
  assert.equal(index.claim(idOf(1), 'tree'), true)
  assert.equal(index.find(idOf(1), 'data'), -1, 'a claimed blob is not stored yet')
  index.unclaim(idOf(1), 'data')
  assert.equal(index.claim(idOf(1), 'data'), true)
  index.settlePack(packOf(0), [blobOf(1)])
  assert.equal(index.claim(idOf(1), 'data'), false)
  assert.notEqual(index.find(idOf(1), 'data'), -1)
})

test('BlobIndex keeps copies, and withdrawPacks() falls back to them or makes blobs absent', () => {
  const index = BlobIndex.create()
  index.settlePack(packOf(0), [blobOf(1), blobOf(2)])
  index.settlePack(packOf(1), [{ ...blobOf(1), offset: 7 }])
  index.settlePack(packOf(1), [{ ...blobOf(1), offset: 7 }]) // The same pack in a second index file is no new copy.
  assert.deepEqual(
    index.locations(idOf(1), 'data').map(({ packId, offset }) => [packId, offset]),
    [
      [packOf(0), 100],
      [packOf(1), 7],
    ],
  )
  assert.equal([...index.copies()].length, 1)
  assert.equal(index.withdrawPacks([packOf(0)]), 1)
  assert.equal(index.location(index.find(idOf(1), 'data')).packId, packOf(1))
  assert.equal(index.find(idOf(2), 'data'), -1)
  assert.equal(index.claim(idOf(2), 'data'), true)
  assert.equal(index.withdrawPacks([packOf(1)]), 1)
  assert.equal(index.find(idOf(1), 'data'), -1)
  assert.equal([...index.copies()].length, 0)
})

test('BlobIndex.packs() lists each pack with its blobs by offset, copies too', () => {
  const index = BlobIndex.create()
  index.settlePack(packOf(0), [blobOf(3), blobOf(1)])
  index.addPack(packOf(1))
  index.settlePack(packOf(2), [blobOf(5), { ...blobOf(1), offset: 7 }])
  assert.deepEqual(
    [...index.packs()].map(({ packId, blobs }) => [packId, blobs.map((blob) => [blob.id, blob.offset])]),
    [
      [
        packOf(0),
        [
          [idOf(1), 100],
          [idOf(3), 300],
        ],
      ],
      [packOf(1), []],
      [
        packOf(2),
        [
          [idOf(1), 7],
          [idOf(5), 500],
        ],
      ],
    ],
  )
})

test('BlobIndex agrees with a Map whatever is done to it', () => {
  const step = fc.record({
    verb: fc.constantFrom('claim', 'unclaim', 'settle', 'withdraw'),
    blob: fc.integer({ min: 0, max: 12 }),
    type: fc.constantFrom<BlobType>('data', 'tree'),
    pack: fc.integer({ min: 0, max: 3 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const index = BlobIndex.create()
      const model = new Map<string, { claimed: boolean; packs: Set<number> }>()
      for (const { verb, blob, type, pack } of steps) {
        const key = `${type} ${blob}`
        const state = model.get(key) ?? { claimed: false, packs: new Set() }
        model.set(key, state)
        if (verb === 'claim') {
          assert.equal(index.claim(idOf(blob), type), !state.claimed && state.packs.size === 0)
          if (state.packs.size === 0) state.claimed = true
        } else if (verb === 'unclaim') {
          index.unclaim(idOf(blob), type)
          state.claimed = false
        } else if (verb === 'settle') {
          index.settlePack(packOf(pack), [blobOf(blob, type)])
          state.claimed = false
          state.packs.add(pack)
        } else {
          index.withdrawPacks([packOf(pack)])
          for (const other of model.values()) other.packs.delete(pack)
        }
        for (const [name, { packs }] of model) {
          const [nameType, number] = name.split(' ') as [BlobType, string]
          const found = index.locations(idOf(Number(number)), nameType).map((location) => location.packId)
          assert.deepEqual(found.sort(), [...packs].map(packOf).sort())
        }
      }
    }),
    { numRuns: 200 },
  )
})

test('BlobIndex.claim() gives each blob to exactly one of several threads, while the index grows', async () => {
  const index = BlobIndex.create()
  const source = `
    const { parentPort, workerData } = require('node:worker_threads')
    const { hash } = require('node:crypto')
    import(workerData.module).then(({ BlobIndex }) => {
      const index = BlobIndex.attach(workerData.shared)
      const mine = []
      for (let number = 0; number < workerData.count; number++) {
        if (index.claim(hash('sha256', 'blob ' + number, 'buffer'), 'data')) mine.push(number)
      }
      parentPort.postMessage(mine)
    })`
  const count = 60_000
  const module = new URL('./blob-index.ts', import.meta.url).href
  const claims = await Promise.all(
    Array.from({ length: 3 }, async () => {
      const worker = new Worker(source, { eval: true, workerData: { module, shared: index.shared, count } })
      return await new Promise<number[]>((resolve, reject) => {
        worker.once('message', resolve)
        worker.once('error', reject)
      })
    }),
  )
  const all = claims.flat().sort((a, b) => a - b)
  assert.deepEqual(
    all,
    Array.from({ length: count }, (_, number) => number),
  )
  const pack = index.addPack(packOf(0))
  for (let number = 0; number < count; number++) index.add(pack, blobOf(number))
  assert.equal(index.totals().dataBlobs, count)
})

test('BlobIndex.attach() sees what the owner settles later, and may not settle itself', () => {
  const index = BlobIndex.create()
  const other = BlobIndex.attach(index.shared)
  for (let number = 0; number < 40_000; number++) index.add(index.addPack(packOf(number >> 4)), blobOf(number))
  const entry = other.find(idOf(39_999), 'data')
  assert.deepEqual(other.location(entry), index.location(entry))
  assert.throws(
    () => other.addPack(packOf(0)),
    (error) => isFailure(error, 'defect'),
  )
})
