import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../base/failure.ts'
import { decodeLock, encodeLock } from './lock-json.ts'

test("encodeLock() writes the members in restic's order and leaves out uid and gid of 0", () => {
  const lock = { time: '2026-11-23T04:27:52Z', exclusive: false, hostname: 'h', username: 'u', pid: 7, uid: 0, gid: 0 }
  const text = '{"time":"2026-11-23T04:27:52Z","exclusive":false,"hostname":"h","username":"u","pid":7}'
  assert.equal(encodeLock(lock).toString(), text)
  assert.deepEqual(decodeLock(Buffer.from(text), 'a lock'), lock)
  assert.match(encodeLock({ ...lock, exclusive: true, uid: 5, gid: 6 }).toString(), /"pid":7,"uid":5,"gid":6\}$/)
})

test('decodeLock() refuses a lock without a time', () => {
  assert.throws(
    () => decodeLock(Buffer.from('{}'), 'a lock'),
    (error) => isFailure(error, 'repository_damaged'),
  )
})
