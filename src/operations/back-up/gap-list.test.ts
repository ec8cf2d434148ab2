import assert from 'node:assert/strict'
import { test } from 'node:test'
import { GapList } from './gap-list.ts'

test('GapList keeps every hole and note in their order', () => {
  const list = new GapList()
  const gaps = [
    { path: '/a', reason: 'denied', detail: 'x' },
    { path: '/b', reason: 'socket', detail: 'x' },
    { path: '/c', reason: 'vanished', detail: 'x' },
  ] as const
  for (const gap of gaps) list.add(gap)
  assert.deepEqual(list.kept, gaps)
  assert.deepEqual([list.holes, list.omitted], [2, 0])
})

test('GapList only counts what is beyond its bounds, and keeps a hole after very many sockets', () => {
  const list = new GapList()
  for (let at = 0; at < 20_000; at++) list.add({ path: `/${at}`, reason: 'socket', detail: 'x' })
  list.add({ path: '/hole', reason: 'denied', detail: 'x' })
  assert.deepEqual([list.holes, list.omitted, list.kept.length], [1, 10_000, 10_001])
  assert.equal(list.kept.at(-1)?.path, '/hole')
  for (let at = 0; at < 100_000; at++) list.add({ path: `/${at}`, reason: 'denied', detail: 'x' })
  assert.deepEqual([list.holes, list.omitted, list.kept.length], [100_001, 10_001, 110_000])
})
