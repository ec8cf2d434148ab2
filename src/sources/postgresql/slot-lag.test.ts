import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judgeSlot, type SlotFacts } from './slot-lag.ts'

const mebibyte = 2 ** 20
const well: SlotFacts = {
  slot: 'backup',
  isActive: true,
  keptBytes: 20 * mebibyte,
  walStatus: 'reserved',
  bytesUntilLost: undefined,
}
const limits = { warnBytes: 1000 * mebibyte, dropBytes: undefined }

test('judgeSlot() warns with numbers, and says drop only where the limits do', () => {
  assert.deepEqual(judgeSlot(well, limits), { state: 'well' })
  const lagging = { ...well, isActive: false, keptBytes: 5000 * mebibyte }
  const warned = judgeSlot(lagging, limits)
  assert.equal(warned.state, 'warn')
  assert.ok(warned.state === 'warn' && /5000 MiB.*no receiver is connected/.test(warned.message))
  assert.equal(judgeSlot(lagging, { ...limits, dropBytes: 4000 * mebibyte }).state, 'drop')
  assert.equal(judgeSlot(lagging, { ...limits, dropBytes: 6000 * mebibyte }).state, 'warn')
})

test('judgeSlot() sees the server’s own limit come near, and what is lost already', () => {
  const near = judgeSlot({ ...well, bytesUntilLost: 50 * mebibyte }, limits)
  assert.ok(near.state === 'warn' && /after 50 MiB more it loses WAL/.test(near.message))
  assert.equal(judgeSlot({ ...well, walStatus: 'unreserved', bytesUntilLost: -1 }, limits).state, 'warn')
  assert.equal(judgeSlot({ ...well, walStatus: 'lost' }, { ...limits, dropBytes: 1 }).state, 'lost')
})
