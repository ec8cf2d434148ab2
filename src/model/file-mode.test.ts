import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { goMode, permissionsOfGoMode } from './file-mode.ts'
import { nodeTypes } from './node.ts'

test('goMode() has type and set-id bits where Go has them', () => {
  // As restic writes them: a plain file, a directory with the sticky bit, a set-uid program, devices.
  assert.equal(goMode('file', 0o644), 420)
  assert.equal(goMode('dir', 0o1777), 2_148_532_735)
  assert.equal(goMode('file', 0o4755), 8_389_101)
  assert.equal(goMode('symlink', 0o777), 134_218_239)
  assert.equal(goMode('chardev', 0o666), 69_206_454)
  assert.equal(goMode('dev', 0o660), 67_109_296)
  assert.equal(goMode('fifo', 0o2600), 37_749_120)
})

test('permissionsOfGoMode() gives back what goMode() was given, for every type', () => {
  fc.assert(
    fc.property(fc.constantFrom(...nodeTypes), fc.nat(0o7777), (type, permissions) => {
      assert.equal(permissionsOfGoMode(goMode(type, permissions | 0o100000)), permissions)
      assert.ok(goMode(type, permissions) >= 0)
    }),
  )
})
