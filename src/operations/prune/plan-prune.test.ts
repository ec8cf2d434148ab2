import assert from 'node:assert/strict'
import test from 'node:test'
import * as fc from 'fast-check'
import { isFailure } from '../../base/failure.ts'
import type { PackedBlob } from '../../model/blob.ts'
import { BlobSet } from '../../model/blob-set.ts'
import type { IndexedPack } from '../../repository/index-json.ts'
import { packHeaderBytes } from '../../repository/pack-header.ts'
import type { IndexFile } from '../load-index-files.ts'
import { isEmptyPlan, planPrune, type PruneFacts, type PrunePlan } from './plan-prune.ts'
import { pruneDefaults, unusedBytesMax, type PruneOptions } from './prune-options.ts'

const everything: PruneOptions = { ...pruneDefaults, unusedLimit: { bytes: 0 }, smallPackBytes: 0 }

function id(kind: 'pack' | 'blob' | 'index', number: number): string {
  return { pack: 'a', blob: 'b', index: 'c' }[kind] + number.toString(16).padStart(63, '0')
}

interface BlobSketch {
  readonly number: number
  readonly kib?: number
  readonly isTree?: boolean
  readonly isPlain?: boolean
}

function pack(number: number, blobs: readonly (number | BlobSketch)[]): IndexedPack {
  let offset = 0
  return {
    id: id('pack', number),
    blobs: blobs.map((sketch): PackedBlob => {
      const {
        number: blob,
        kib = 100,
        isTree = false,
        isPlain = false,
      } = typeof sketch === 'number' ? { number: sketch } : sketch
      const length = kib * 1024
      offset += length
      return {
        id: id('blob', blob),
        type: isTree ? 'tree' : 'data',
        offset: offset - length,
        length,
        uncompressedLength: isPlain ? undefined : length * 2,
      }
    }),
  }
}

function big(number: number): BlobSketch {
  return { number, kib: 4096 }
}

function tree(number: number, isPlain = false): BlobSketch {
  return { number, kib: 5000, isTree: true, isPlain }
}

function sizeOf({ blobs }: IndexedPack): number {
  return blobs.reduce((sum, blob) => sum + blob.length, packHeaderBytes(blobs))
}

/** Facts of a repository in which nothing is wrong, one index for all packs. */
function facts(packs: readonly IndexedPack[], used: readonly number[]): PruneFacts {
  const usedBlobs = new BlobSet()
  for (const { id: blobId, type } of packs.flatMap((each) => each.blobs))
    if (used.some((number) => id('blob', number) === blobId)) usedBlobs.add(type, blobId)
  const storedPacks = new Map(packs.map((each) => [each.id, sizeOf(each)]))
  return { version: 2, indexes: [{ id: id('index', 1), packs }], storedPacks, usedBlobs }
}

test('planPrune() keeps packs that are used whole and removes those that are not used at all', () => {
  const plan = planPrune(facts([pack(1, [1, 2]), pack(2, [3, 4])], [1, 2]), pruneDefaults)
  assert.deepEqual(plan.removeLast, [id('pack', 2)])
  assert.deepEqual(plan.repack, [])
  assert.deepEqual(plan.rewrite.removeIndexes, [id('index', 1)])
  assert.deepEqual(
    plan.rewrite.packs.map((each) => each.id),
    [id('pack', 1)],
  )
  assert.equal(plan.statistics.blobs.remove, 2)
  assert.equal(plan.statistics.packs.keep, 1)
})

test('planPrune() changes nothing where everything is used', () => {
  assert.equal(isEmptyPlan(planPrune(facts([pack(1, [1, 2]), pack(2, [3])], [1, 2, 3]), everything)), true)
})

test('planPrune() repacks partly used packs while more than the limit is unused, the emptiest first', () => {
  const packs = [pack(1, [big(1), big(2), big(3), big(4)]), pack(2, [big(5), big(6), big(7), big(8)])]
  const partly = facts(packs, [1, 2, 3, 5])
  const chosen = (options: PruneOptions): string[] => planPrune(partly, options).repack.map((each) => each.id)
  assert.deepEqual(chosen(everything), [id('pack', 2), id('pack', 1)])
  assert.deepEqual(chosen({ ...everything, unusedLimit: { percent: 51 } }), [])
  assert.deepEqual(chosen({ ...everything, unusedLimit: { percent: 25 } }), [id('pack', 2)])
  assert.deepEqual(chosen({ ...everything, unusedLimit: 'unlimited' }), [])
  assert.deepEqual(chosen({ ...everything, repackBytesMax: 17 * 1024 * 1024 }), [id('pack', 2)])
  assert.deepEqual(chosen({ ...everything, dataPacks: 'keep' }), [])
})

test('planPrune() repacks trees whatever is unused, mixed packs always, and uncompressed trees in format 2', () => {
  const unlimited: PruneOptions = { ...pruneDefaults, unusedLimit: 'unlimited' }
  const chosen = (given: PruneFacts): unknown =>
    planPrune(given, unlimited).repack.flatMap((each) => each.keep.map(({ blob, how }) => [blob.id, how]))
  assert.deepEqual(chosen(facts([pack(1, [tree(1), tree(2)])], [1])), [[id('blob', 1), 'as it is']])
  assert.deepEqual(chosen(facts([pack(1, [tree(1), 2])], [1, 2])), [
    [id('blob', 1), 'as it is'],
    [id('blob', 2), 'as it is'],
  ])
  assert.deepEqual(chosen(facts([pack(1, [tree(1, true)])], [1])), [[id('blob', 1), 'compress']])
  assert.deepEqual(chosen({ ...facts([pack(1, [tree(1, true)])], [1]), version: 1 }), [])
})

test('planPrune() joins small packs when there are ten of them', () => {
  const packs = Array.from({ length: 10 }, (_, number) => pack(number, [number]))
  const used = packs.map((_, number) => number)
  assert.equal(planPrune(facts(packs, used), pruneDefaults).repack.length, 10)
  assert.equal(planPrune(facts(packs.slice(1), used.slice(1)), pruneDefaults).repack.length, 0)
})

test('planPrune() removes packs that no index names, first of all', () => {
  const given = facts([pack(1, [1])], [1])
  const storedPacks = new Map([...given.storedPacks, [id('pack', 9), 1234]])
  const plan = planPrune({ ...given, storedPacks }, pruneDefaults)
  assert.deepEqual(plan.removeFirst, [id('pack', 9)])
  assert.equal(plan.statistics.bytes.unreferenced, 1234)
  assert.deepEqual(plan.rewrite.removeIndexes, [])
})

test('planPrune() keeps a pack of nothing but duplicates, as an interrupted prune leaves it', () => {
  const plan = planPrune(facts([pack(1, [1, 2, 3, 4]), pack(2, [1, 2])], [1, 2]), everything)
  assert.deepEqual(plan.removeLast, [id('pack', 1)])
  assert.deepEqual(plan.repack, [])
})

test('planPrune() refuses when a used blob is in no sound pack, and else drops the unsound ones', () => {
  const given = facts([pack(1, [1, 2]), pack(2, [1])], [1])
  for (const [number, bytes] of [
    [1, 5],
    [1, undefined],
  ] as const) {
    const storedPacks = new Map(given.storedPacks)
    if (bytes === undefined) storedPacks.delete(id('pack', number))
    else storedPacks.set(id('pack', number), bytes)
    const plan = planPrune({ ...given, storedPacks }, everything)
    assert.deepEqual(
      plan.rewrite.packs.map((each) => each.id),
      [id('pack', 2)],
    )
    assert.deepEqual(plan.removeLast, bytes === undefined ? [] : [id('pack', 1)])
    storedPacks.set(id('pack', 2), 7)
    assert.throws(
      () => planPrune({ ...given, storedPacks }, everything),
      (error) => isFailure(error, 'repository_damaged'),
    )
  }
  const absent = new BlobSet()
  absent.add('tree', id('blob', 1)) // There is only data of that name.
  assert.throws(
    () => planPrune({ ...given, usedBlobs: absent }, everything),
    (error) => isFailure(error, 'repository_damaged'),
  )
})

test('planPrune() leaves full indexes alone that name nothing of what goes', () => {
  const full = pack(
    1,
    Array.from({ length: 50_000 }, (_, number) => ({ number, kib: 1 })),
  )
  const given = facts(
    [full],
    Array.from({ length: 10 }, (_, number) => number),
  )
  const usedBlobs = new BlobSet()
  for (const blob of full.blobs) usedBlobs.add(blob.type, blob.id)
  usedBlobs.add('data', id('blob', 60_000))
  const small = [pack(2, [60_000]), pack(3, [60_001])]
  const indexes = [...given.indexes, { id: id('index', 2), packs: small }]
  const storedPacks = new Map([full, ...small].map((each) => [each.id, sizeOf(each)]))
  const plan = planPrune({ version: 2, indexes, storedPacks, usedBlobs }, everything)
  assert.deepEqual(plan.rewrite.removeIndexes, [id('index', 2)])
  assert.deepEqual(
    plan.rewrite.packs.map((each) => each.id),
    [id('pack', 2)],
  )
})

test('unusedBytesMax() takes its percentage of what is left afterwards', () => {
  assert.equal(unusedBytesMax({ percent: 5 }, 95), 5)
  assert.equal(unusedBytesMax({ percent: 0 }, 95), 0)
  assert.equal(unusedBytesMax('unlimited', 0), Number.POSITIVE_INFINITY)
})

/** What the repository is after the plan was executed: the same facts, with the repacked blobs in one new pack. */
function execute(given: PruneFacts, plan: PrunePlan): PruneFacts {
  const gone = new Set([...plan.removeFirst, ...plan.removeLast])
  const kept = plan.repack.flatMap((each) =>
    each.keep.map(({ blob, how }) => (how === 'compress' ? { ...blob, uncompressedLength: blob.length } : blob)),
  )
  const byType = (['data', 'tree'] as const).map((type) => kept.filter((blob) => blob.type === type))
  const fresh = byType.flatMap((blobs, number): IndexedPack[] => {
    let offset = 0
    const moved = blobs.map((blob) => ({ ...blob, offset: (offset += blob.length) - blob.length }))
    return blobs.length === 0 ? [] : [{ id: id('pack', 90_000 + number + given.indexes.length * 2), blobs: moved }]
  })
  const storedPacks = new Map(Array.from(given.storedPacks).filter(([packId]) => !gone.has(packId)))
  for (const each of fresh) storedPacks.set(each.id, sizeOf(each))
  const removed = new Set(plan.rewrite.removeIndexes)
  const indexes: IndexFile[] = given.indexes.filter((index) => !removed.has(index.id))
  const packs = [...plan.rewrite.packs, ...fresh]
  if (packs.length > 0) indexes.push({ id: id('index', 1000 + indexes.length), packs })
  return { ...given, indexes, storedPacks }
}

const sketches = fc.array(
  fc.array(
    fc.record({
      number: fc.nat(40),
      kib: fc.constant(64),
      isTree: fc.constant(false),
      isPlain: fc.boolean(),
    }),
    { minLength: 1, maxLength: 8 },
  ),
  { minLength: 1, maxLength: 15 },
)

test('planPrune() never loses a used blob, and a second prune finds nothing to do', () => {
  fc.assert(
    fc.property(
      sketches,
      fc.array(fc.nat(40), { maxLength: 30 }),
      fc.array(fc.nat(14), { maxLength: 3 }),
      fc.nat(3),
      fc.constantFrom<PruneOptions>(everything, pruneDefaults, { ...everything, uncompressedData: 'compress' }),
      (packSketches, used, broken, indexCount, options) => {
        // Even numbers are trees, so that packs are mixed now and then.
        const packs = packSketches.map((blobs, number) =>
          pack(
            number,
            blobs.map((blob) => ({ ...blob, isTree: blob.number % 8 === 0 })),
          ),
        )
        const storedPacks = new Map(packs.map((each) => [each.id, sizeOf(each)]))
        for (const [position, number] of broken.entries()) {
          if (position % 2 === 0) storedPacks.delete(id('pack', number))
          else if (storedPacks.has(id('pack', number))) storedPacks.set(id('pack', number), 1)
        }
        storedPacks.set(id('pack', 500), 17)
        const sound = packs.filter((each) => storedPacks.get(each.id) === sizeOf(each))
        const { usedBlobs } = facts(sound, used)
        const indexes = Array.from({ length: indexCount + 1 }, (_, number) => ({
          id: id('index', number),
          packs: packs.filter((_each, position) => position % (indexCount + 1) === number || position === number),
        }))
        const before: PruneFacts = { version: 2, indexes, storedPacks, usedBlobs }
        const plan = planPrune(before, options)
        const after = execute(before, plan)

        const counts = new Map<string, number>()
        for (const each of after.indexes.flatMap((index) => index.packs)) {
          assert.equal(after.storedPacks.get(each.id), sizeOf(each), 'the index names only sound packs')
          for (const blob of each.blobs) counts.set(blob.type + blob.id, (counts.get(blob.type + blob.id) ?? 0) + 1)
        }
        for (const blob of usedBlobs) assert.ok(counts.has(blob.type + blob.id), 'a used blob is lost')
        assert.equal(plan.removeFirst.length, 1)
        assert.equal(new Set([...plan.removeFirst, ...plan.removeLast]).size, 1 + plan.removeLast.length)
        const left = Array.from(counts.values()).reduce((sum, count) => sum + count, 0)
        assert.equal(
          left,
          plan.statistics.blobs.used +
            plan.statistics.blobs.duplicate +
            plan.statistics.blobs.unused -
            plan.statistics.blobs.removeTotal,
        )
        if (options === pruneDefaults) return
        assert.equal(left, usedBlobs.size, 'unused blobs or second copies are left')
        const again = planPrune(after, { ...options, uncompressedData: 'keep' })
        assert.deepEqual([again.removeFirst, again.removeLast, again.repack], [[], [], []])
      },
    ),
    { numRuns: 300 },
  )
})
