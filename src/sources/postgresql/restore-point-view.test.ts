import assert from 'node:assert/strict'
import { test } from 'node:test'
import { missingFrom } from './restore-point-view.ts'
import { commonSnapshot, parseSnapshot, unseenBy, wholeXid } from './transaction-snapshot.ts'

test('unseenBy() knows what had ended when the view was taken, across the end of 32 bits', () => {
  const plain = parseSnapshot('100:110:100,105')
  assert.deepEqual(unseenBy(plain, [99, 100, 101, 105, 109, 110, 110]), [100n, 105n, 110n])
  const wrapped = parseSnapshot('4294967290:4294967300:4294967299')
  assert.equal(wholeXid(4_294_967_295, wrapped), 4_294_967_295n)
  assert.equal(wholeXid(3, wrapped), 4_294_967_299n)
  assert.deepEqual(unseenBy(wrapped, [4_294_967_295, 2, 3, 4]), [4_294_967_299n, 4_294_967_300n])
  assert.throws(() => parseSnapshot('none'), { code: 'defect' })
})

test('missingFrom() names the transactions that the log has and a view has not', () => {
  const snapshots = [parseSnapshot('100:110:105'), parseSnapshot('100:108:105')] as const
  const missing = (commits: number[], waiting: number[] = [], unknownCommits: bigint[] = []): string[] =>
    missingFrom([...snapshots], { commits: Uint32Array.from(commits), unknownCommits }, waiting)
  assert.deepEqual(missing([101]), [])
  assert.deepEqual(missing([105]), ['105'])
  assert.deepEqual(missing([109]), ['109']) // One of two views has it.
  assert.deepEqual(missing([], [], [1n]), ['prepared, ended at 0/1'])
  assert.deepEqual(missing([], [105]), ['105'])
  assert.equal(commonSnapshot([...snapshots]).xmax, 108n)
})
