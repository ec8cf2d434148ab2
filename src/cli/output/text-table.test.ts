import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textTable } from './text-table.ts'

test('textTable() aligns columns and spreads cells of several lines', () => {
  const lines = textTable(
    [{ title: 'ID' }, { title: 'Size', align: 'right' }, { title: 'Paths' }],
    [
      ['a1', '1 B', '/home\n/etc'],
      ['b22', '12 KiB', '/'],
    ],
  )
  assert.deepEqual(lines, [
    'ID     Size  Paths',
    '------------------',
    'a1      1 B  /home',
    '             /etc',
    'b22  12 KiB  /',
  ])
})

test('textTable() of nothing is nothing', () => {
  assert.deepEqual(textTable([{ title: 'ID' }], []), [])
})
