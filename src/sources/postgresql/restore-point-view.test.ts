import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missingFrom } from './restore-point-view.ts'
import { parseSnapshot, sees, wholeXid } from './transaction-snapshot.ts'
import type { WalEvent } from './wal-scanner.ts'

function commit(xid: number | undefined, kind: 'commit' | 'abort' = 'commit'): WalEvent {
  return { kind, lsn: 1n, end: 2n, xid, atUs: 0n }
}

test('sees() knows what had ended when the view was taken, across the end of 32 bits', () => {
  const plain = parseSnapshot('100:110:100,105')
  assert.deepEqual(
    [99, 100, 101, 105, 109, 110].map((xid) => sees(plain, xid)),
    [true, false, true, false, true, false],
  )
  const wrapped = parseSnapshot('4294967290:4294967300:4294967299')
  assert.equal(wholeXid(4_294_967_295, wrapped), 4_294_967_295n)
  assert.equal(wholeXid(3, wrapped), 4_294_967_299n)
  assert.deepEqual(
    [4_294_967_295, 2, 3, 4].map((xid) => sees(wrapped, xid)),
    [true, true, false, false],
  )
  assert.throws(() => parseSnapshot('none'), { code: 'defect' })
})

test('missingFrom() names the transactions that the log has and a view has not', () => {
  const snapshots = [parseSnapshot('100:110:105'), parseSnapshot('100:108:105')]
  assert.deepEqual(missingFrom(snapshots, [commit(101), commit(105, 'abort'), commit(120, 'abort')], []), [])
  assert.deepEqual(missingFrom(snapshots, [commit(105)], []), ['105'])
  assert.deepEqual(missingFrom(snapshots, [commit(109)], []), ['109']) // One of two views has it.
  assert.deepEqual(missingFrom(snapshots, [commit(undefined)], []), ['prepared, ended at 0/1'])
  assert.deepEqual(missingFrom(snapshots, [], ['105']), ['105'])
})
