import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { processIdentity } from './process-identity.ts'

test('processIdentity() stays the same for a process, differs between two, and is none of one that has ended', async () => {
  assert.match(processIdentity(process.pid)!, /^[0-9a-f-]{36}\/\d+$/)
  assert.equal(processIdentity(process.pid), processIdentity(process.pid))
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] })
  assert.notEqual(processIdentity(child.pid!), processIdentity(process.pid))
  child.stdin.end()
  await once(child, 'exit')
  assert.equal(processIdentity(child.pid!), undefined)
})
