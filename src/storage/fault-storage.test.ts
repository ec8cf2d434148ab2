import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../base/abort.ts'
import { cutTo, failEvery, failOnce, failTimes, faultStorage, flipBit } from './fault-storage.ts'
import { memoryStorage } from './memory/memory-storage.ts'
import { storageContract } from './storage.contract.ts'

storageContract('faultStorage() without faults', async () => faultStorage(memoryStorage(), {}))

const signal = neverStopped()
const keep = { whenPresent: 'keep' } as const
const body = Uint8Array.of(1, 2, 3, 4)

test('faultStorage() fails before the effect, so that nothing is stored', async () => {
  const inside = memoryStorage()
  const storage = faultStorage(inside, { before: failOnce('storage_full') })
  await assert.rejects(storage.put('config', body, keep, signal), { code: 'storage_full' })
  assert.equal(await inside.size('config', signal), undefined)
  assert.equal(await storage.put('config', body, keep, signal), 'stored')
})

test('faultStorage() fails after the effect, so that only the answer is lost', async () => {
  const inside = memoryStorage()
  const storage = faultStorage(inside, { after: failOnce('storage_unreachable', ({ verb }) => verb !== 'size') })
  await assert.rejects(storage.put('config', body, keep, signal), { code: 'storage_unreachable' })
  assert.equal(await storage.size('config', signal), 4)
})

test('faultStorage() fails in the middle of a listing', async () => {
  const storage = faultStorage(memoryStorage(), { duringList: failOnce('storage_unreachable') })
  await storage.put('index/1', body, keep, signal)
  await storage.put('index/2', body, keep, signal)
  await assert.rejects(Array.fromAsync(storage.list('', signal)), { code: 'storage_unreachable' })
  assert.equal((await Array.fromAsync(storage.list('', signal))).length, 2)
})

test('failTimes() and failEvery() count the calls that their filter takes', async () => {
  assert.equal(await outcomes(failTimes(2, 'storage_unreachable', ({ verb }) => verb === 'size')), 'x.x.........')
  assert.equal(await outcomes(failEvery(3, 'storage_unreachable', ({ verb }) => verb === 'size')), '....x.....x.')
  assert.equal(await outcomes(failEvery(1, 'storage_unreachable')), 'xxxxxxxxxxxx')
})

test('flipBit() and cutTo() change what is read and leave what is stored', async () => {
  const inside = memoryStorage()
  await inside.put('config', body, keep, signal)
  const flipped = faultStorage(inside, { changeRead: flipBit(9) })
  assert.deepEqual([...(await flipped.get('config', {}, signal))], [1, 0, 3, 4])
  const cut = faultStorage(inside, { changeRead: cutTo(3, ({ objectName }) => objectName === 'config') })
  assert.deepEqual([...(await cut.get('config', {}, signal))], [1, 2, 3])
  assert.deepEqual([...(await inside.get('config', {}, signal))], [1, 2, 3, 4])
})

/** Twelve calls, size() and remove() in turn: "." for each that was answered, "x" for each that failed. */
async function outcomes(hook: ReturnType<typeof failTimes>): Promise<string> {
  const storage = faultStorage(memoryStorage(), { before: hook })
  let text = ''
  for (let at = 0; at < 6; at++) {
    text += await storage.size('config', signal).then(
      () => '.',
      () => 'x',
    )
    text += await storage.remove('config', signal).then(
      () => '.',
      () => 'x',
    )
  }
  return text
}
