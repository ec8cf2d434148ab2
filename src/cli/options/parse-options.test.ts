import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collect, collectGroups, collectList } from './collect.ts'
import { parseCount, parsePositiveCount, parseWorkers } from './parse-count.ts'
import { parseDuration } from './parse-duration.ts'
import { parseSize } from './parse-size.ts'

test('parseSize() reads restic sizes and refuses all else', () => {
  assert.equal(parseSize('500'), 500)
  assert.equal(parseSize('16M'), 16 * 1024 ** 2)
  assert.equal(parseSize('1.5g'), 1.5 * 1024 ** 3)
  assert.equal(parseSize('2 KiB'), 2048)
  for (const text of ['', 'M', '-1', '1x', '1e400', '99999999999T']) assert.throws(() => parseSize(text), text)
})

test('parseDuration() reads durations as Go writes them and refuses all else', () => {
  assert.equal(parseDuration('90s'), 90_000)
  assert.equal(parseDuration('1h30m'), 5_400_000)
  assert.equal(parseDuration('250ms'), 250)
  assert.equal(parseDuration('0'), 0)
  for (const text of ['', '5', 'm', '5 m', '5m!', '-5m']) assert.throws(() => parseDuration(text), text)
})

test('parseWorkers() refuses more threads than can be started', () => {
  assert.equal(parseWorkers('64'), 64)
  for (const text of ['0', '65', '100000']) assert.throws(() => parseWorkers(text), text)
})

test('parseCount() and parsePositiveCount() read whole numbers only', () => {
  assert.equal(parseCount('0'), 0)
  assert.equal(parsePositiveCount('12'), 12)
  for (const text of ['', '-1', '1.5', '0x10', '1e3', '99999999999999999999'])
    assert.throws(() => parseCount(text), text)
  assert.throws(() => parsePositiveCount('0'))
})

test('collect(), collectList() and collectGroups() keep what was given before', () => {
  assert.deepEqual(collect('b,c', ['a']), ['a', 'b,c'])
  assert.deepEqual(collectList('b, c', ['a']), ['a', 'b', 'c'])
  assert.deepEqual(collectGroups('b,c', [['a']]), [['a'], ['b', 'c']])
})
