import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../base/abort.ts'
import { locksOnly } from './locks-only.ts'
import { memoryStorage } from './memory/memory-storage.ts'

const signal = neverStopped()
const body = Uint8Array.of(1, 2, 3)

test('locksOnly() writes and removes locks, and nothing else', async () => {
  const inside = memoryStorage()
  await inside.put('data/1', body, { whenPresent: 'keep' }, signal)
  const storage = locksOnly(inside)
  await storage.put('locks/1', body, { whenPresent: 'keep' }, signal)
  assert.deepEqual([...(await storage.get('locks/1', {}, signal))], [1, 2, 3])
  await storage.remove('locks/1', signal)
  const refused = { code: 'storage_read_only' }
  await assert.rejects(storage.put('data/2', body, { whenPresent: 'keep' }, signal), refused)
  await assert.rejects(storage.remove('data/1', signal), refused)
  assert.deepEqual(await Array.fromAsync(inside.list('', signal)), [{ objectName: 'data/1', size: 3 }])
})
