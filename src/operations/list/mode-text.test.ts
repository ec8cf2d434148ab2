import assert from 'node:assert/strict'
import { test } from 'node:test'
import { modeText, nodeModeText } from './mode-text.ts'

test('modeText() writes what Go writes', () => {
  assert.equal(modeText(0o644), '-rw-r--r--')
  assert.equal(modeText(0x8000_01ed), 'drwxr-xr-x')
  assert.equal(modeText(2_148_532_735), 'dtrwxrwxrwx')
  assert.equal(modeText(0x0080_01ed), 'urwxr-xr-x')
  assert.equal(modeText(0x0420_0180), 'Dcrw-------')
})

test('nodeModeText() shows the type also where the mode does not hold it', () => {
  assert.equal(nodeModeText({ type: 'dir', mode: 0o700 }), 'drwx------')
  assert.equal(nodeModeText({ type: 'fifo' }), 'p---------')
})
