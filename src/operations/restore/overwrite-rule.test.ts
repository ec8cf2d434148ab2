import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseGoTime } from '../../model/go-time.ts'
import { isLeftAlone } from './overwrite-rule.ts'

test('isLeftAlone() answers as its rule says, to the nanosecond', () => {
  const mtime = '2026-01-01T00:00:00.500000000Z'
  const older = parseGoTime('2026-01-01T00:00:00.499999999Z')
  const newer = parseGoTime('2026-01-01T00:00:00.500000001Z')
  for (const present of [older, newer]) {
    assert.equal(isLeftAlone('always', present, mtime), false)
    assert.equal(isLeftAlone('if-changed', present, mtime), false)
    assert.equal(isLeftAlone('never', present, mtime), true)
  }
  assert.equal(isLeftAlone('if-newer', older, mtime), false)
  assert.equal(isLeftAlone('if-newer', parseGoTime(mtime), mtime), true)
  assert.equal(isLeftAlone('if-newer', newer, mtime), true)
  assert.equal(isLeftAlone('if-newer', newer, undefined), false)
})
