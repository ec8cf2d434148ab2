import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { isProcessAlive } from './process-alive.ts'

test('isProcessAlive() tells this process and init from one that has ended', () => {
  assert.equal(isProcessAlive(process.pid), true)
  assert.equal(isProcessAlive(1), true)
  assert.equal(isProcessAlive(spawnSync(process.execPath, ['--version']).pid), false)
})
