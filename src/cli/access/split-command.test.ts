import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../../base/failure.ts'
import { splitCommand } from './split-command.ts'

test('splitCommand() splits as a shell does', () => {
  assert.deepEqual(splitCommand('pass show  backup'), ['pass', 'show', 'backup'])
  assert.deepEqual(splitCommand(`a "b c" 'd e' f\\ g`), ['a', 'b c', 'd e', 'f g'])
  assert.deepEqual(splitCommand(`a"b"'c' "" '\\'`), ['abc', '', '\\'])
  assert.deepEqual(splitCommand(`"it's" '"'`), ["it's", '"'])
  assert.deepEqual(splitCommand('  '), [])
})

test('splitCommand() refuses a quote that is not closed', () => {
  assert.throws(
    () => splitCommand('echo "a'),
    (error) => isFailure(error, 'usage'),
  )
})
