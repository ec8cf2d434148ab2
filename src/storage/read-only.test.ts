import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../base/abort.ts'
import { memoryStorage } from './memory/memory-storage.ts'
import { readOnly } from './read-only.ts'

const signal = neverStopped()

test('readOnly() reads as the storage inside does', async () => {
  const inside = memoryStorage()
  await inside.put('index/1', Uint8Array.of(1, 2, 3), { whenPresent: 'keep' }, signal)
  const storage = readOnly(inside)
  assert.equal(storage.name, inside.name)
  assert.deepEqual([...(await storage.get('index/1', { range: { offset: 1, length: 2 } }, signal))], [2, 3])
  assert.equal(await storage.size('index/1', signal), 3)
  assert.deepEqual(await Array.fromAsync(storage.list('', signal)), [{ objectName: 'index/1', size: 3 }])
  await assert.rejects(storage.get('index/2', {}, signal), { code: 'object_missing' })
})

test('readOnly() refuses to write and to remove, and reaches nothing', async () => {
  const inside = memoryStorage()
  await inside.put('index/1', Uint8Array.of(1, 2, 3), { whenPresent: 'keep' }, signal)
  const storage = readOnly(inside)
  const refused = { code: 'storage_read_only' }
  await assert.rejects(storage.put('index/1', Uint8Array.of(9), { whenPresent: 'replace' }, signal), refused)
  await assert.rejects(storage.put('index/2', Uint8Array.of(9), { whenPresent: 'keep' }, signal), refused)
  await assert.rejects(storage.remove('index/1', signal), refused)
  assert.deepEqual(await Array.fromAsync(inside.list('', signal)), [{ objectName: 'index/1', size: 3 }])
})
