import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { fakeClock } from '../../base/clock.ts'
import { isFailure, type FailureCode } from '../../base/failure.ts'
import { randomMasterKey } from '../../repository/key-derivation.ts'
import { failOnce, faultStorage, flipBit } from '../../storage/fault-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import type { Storage } from '../../storage/storage.ts'
import { sampleSegment, sampleSegmentBytes, sampleSystem } from '../../../testing/wal-segment.ts'
import { parseWalObjectName } from './wal-object-name.ts'
import { isIntactWalObject, WalStore, type WalFile } from './wal-store.ts'

const random = (count: number): Uint8Array => randomBytes(count)
const signal = neverStopped()
const prefix = 'production/1/wal/orders/'
const key = randomMasterKey(random)

function storeOn(storage: Storage, options: { readonly key?: typeof key } = {}): WalStore {
  const clock = fakeClock(new Date('2026-11-25T03:00:00Z'))
  return new WalStore({ storage, prefix, generation: 1, key: options.key ?? key }, { clock, random })
}

const plain = (name: string): WalFile => ({
  systemIdentifier: sampleSystem,
  name,
  content: Buffer.from(name),
  isPart: false,
})
const fails = (code: FailureCode) => (error: unknown) => isFailure(error, code)

test('WalStore gives back what it was given, by name, with facts that need no content', async () => {
  const storage = memoryStorage()
  using store = storeOn(storage)
  const file = sampleSegment({ segment: 5, endUs: 1_700_000_000_123_456n, restorePoint: 'before the change' })
  assert.equal(await store.put(file, signal), 'stored')
  assert.equal(await store.put({ ...file, content: Buffer.from(file.content) }, signal), 'exists')
  assert.deepEqual((await store.get(file, signal))?.content, file.content)
  const [entry, ...others] = await store.list(`${sampleSystem}/`, signal)
  assert.deepEqual(others, [])
  assert.equal(entry!.objectName, `${prefix}${sampleSystem}/00000001/00000000/000000010000000000000005`)
  const header = await store.header(entry!, signal)
  assert.equal(header.segmentBytes, sampleSegmentBytes)
  assert.equal(header.facts?.lastEndUs, 1_700_000_000_123_456n)
  assert.deepEqual(
    header.facts?.restorePoints.map(({ name }) => name),
    ['before the change'],
  )
  assert.equal(await store.get({ systemIdentifier: sampleSystem, name: '000000010000000000000006' }, signal), undefined)
})

test('WalStore keeps histories, labels, and beginnings of segments beside the whole one', async () => {
  using store = storeOn(memoryStorage())
  await store.put(plain('00000002.history'), signal)
  await store.put(plain('000000010000000000000005.00000028.backup'), signal)
  await store.put(sampleSegment({ segment: 5, fill: 7, partBytes: 8192 }), signal)
  await store.put(sampleSegment({ segment: 5, fill: 7, partBytes: 50_000 }), signal)
  await store.put(sampleSegment({ segment: 5, fill: 7 }), signal)
  const entries = await store.list('', signal)
  assert.deepEqual(
    entries.map(({ name, partBytes }) => [name, partBytes]),
    [
      ['000000010000000000000005', undefined],
      ['000000010000000000000005.00000028.backup', undefined],
      ['000000010000000000000005', 8192],
      ['000000010000000000000005', 50_000],
      ['00000002.history', undefined],
    ],
  )
  for (const entry of entries) {
    assert.ok((await store.get(entry, signal)) !== undefined)
    assert.deepEqual(parseWalObjectName(entry.objectName.slice(prefix.length))?.name, entry.name)
  }
})

test('WalStore refuses another content under a name that is stored, and what is not the file of its name', async () => {
  using store = storeOn(memoryStorage())
  const file = sampleSegment({ segment: 5, fill: 1 })
  await store.put(file, signal)
  await assert.rejects(store.put(sampleSegment({ segment: 5, fill: 2 }), signal), fails('wal_conflict'))
  assert.deepEqual((await store.get(file, signal))?.content, file.content)
  const six = '000000010000000000000006'
  for (const wrong of [
    { ...file, name: six },
    { ...file, name: six, systemIdentifier: '1' },
    { ...file, name: six, content: Buffer.from('no segment') },
    { ...sampleSegment({ segment: 6 }), content: sampleSegment({ segment: 6 }).content.subarray(0, 9000) },
    { ...sampleSegment({ segment: 6, timeline: 2 }), name: six },
    { ...file, name: '../etc' },
  ])
    await assert.rejects(store.put(wrong, signal), fails('usage'))
})

test('WalStore finds every turned bit, with the key and without, and the same file put again mends it', async () => {
  const storage = memoryStorage()
  using store = storeOn(storage)
  const file = sampleSegment({ segment: 5, fill: 3 })
  await store.put(file, signal)
  const objectName = (await store.list('', signal))[0]!.objectName
  const bytes = await storage.get(objectName, {}, signal)
  assert.ok(await isIntactWalObject(storage, objectName, signal))
  for (let at = 0; at < bytes.length; at += 7) {
    const damaged = faultStorage(storage, { changeRead: flipBit(at * 8 + (at % 8)) })
    assert.ok(!(await isIntactWalObject(damaged, objectName, signal)), `byte ${at}`)
    using other = storeOn(damaged)
    await assert.rejects(other.get(file, signal), fails('repository_damaged'))
  }
  const broken = Buffer.from(bytes)
  broken[broken.length - 40]! ^= 1
  await storage.put(objectName, broken, { whenPresent: 'replace' }, signal)
  assert.equal(await store.put(file, signal), 'stored')
  assert.deepEqual((await store.get(file, signal))?.content, file.content)
})

test('WalStore takes no object in the place of another, and none of another key', async () => {
  const storage = memoryStorage()
  using store = storeOn(storage)
  const [five, six] = [sampleSegment({ segment: 5 }), sampleSegment({ segment: 6 })]
  await store.put(five, signal)
  const objectName = (await store.list('', signal))[0]!.objectName
  await storage.put(
    objectName.replace(/5$/, '6'),
    await storage.get(objectName, {}, signal),
    { whenPresent: 'keep' },
    signal,
  )
  await assert.rejects(store.get(six, signal), fails('repository_damaged'))
  using stranger = storeOn(storage, { key: randomMasterKey(random) })
  await assert.rejects(stranger.get(five, signal), fails('key_wrong'))
  await assert.rejects(stranger.put(five, signal), fails('key_wrong'))
})

test('WalStore settles a race of two writers: the same file is there once, another one is refused', async () => {
  const storage = memoryStorage()
  using first = storeOn(storage)
  const file = sampleSegment({ segment: 5, fill: 1 })
  // Both find nothing; then the other one stores before ours does.
  const racing = (fill: number): Storage => ({
    ...storage,
    put: async (...call) => {
      await first.put(sampleSegment({ segment: 5, fill }), signal)
      return storage.put(...call)
    },
  })
  using second = storeOn(racing(1))
  assert.equal(await second.put(file, signal), 'exists')
  await storage.remove((await first.list('', signal))[0]!.objectName, signal)
  using third = storeOn(racing(2))
  await assert.rejects(third.put(file, signal), fails('wal_conflict'))
})

test('WalStore.put() whose answer was lost finds its own file when it is called again', async () => {
  const lost = failOnce('storage_unreachable', ({ verb }) => verb === 'put')
  using store = storeOn(faultStorage(memoryStorage(), { after: lost }))
  const file = sampleSegment({ segment: 5 })
  await assert.rejects(store.put(file, signal), fails('storage_unreachable'))
  assert.equal(await store.put(file, signal), 'exists')
})
