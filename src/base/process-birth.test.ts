import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { processBirth } from './process-birth.ts'

const skip = existsSync('/proc/self/stat') ? false : 'no /proc here'

test('processBirth() stays the same for a process, differs between two, and is undefined when one is gone', {
  skip,
}, async () => {
  const other = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] })
  const birth = processBirth(other.pid!)
  assert.match(birth!, /^[0-9a-f-]{36}\/\d+$/)
  assert.equal(processBirth(other.pid!), birth)
  assert.notEqual(processBirth(process.pid), birth)
  other.stdin.end()
  await once(other, 'exit')
  assert.equal(processBirth(other.pid!), undefined)
})
