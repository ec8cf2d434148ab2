import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '../../base/failure.ts'
import { localFailure } from './local-failure.ts'

test('localFailure() says what was being done, to what, and what was found', () => {
  const cause = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  const failure = localFailure(cause, 'write object', 'index/1', '/srv/backup')
  assert.equal(failure.code, 'storage_full')
  assert.equal(
    failure.message,
    'Cannot write object "index/1" in storage "/srv/backup": no room is left on its device (ENOSPC)',
  )
  assert.equal(failure.cause, cause)
  assert.equal(failure.facts['systemCode'], 'ENOSPC')
})

test('localFailure() tells what may pass from what will not', () => {
  const codes = {
    EDQUOT: 'storage_full',
    EROFS: 'storage_denied',
    EACCES: 'storage_denied',
    EIO: 'storage_unreachable',
  }
  for (const [systemCode, code] of Object.entries({
    ...codes,
    ESTALE: 'storage_unreachable',
    ETIMEDOUT: 'storage_unreachable',
  })) {
    assert.equal(
      localFailure(Object.assign(new Error('x'), { code: systemCode }), 'read', 'a', 'b').code,
      code,
      systemCode,
    )
  }
})

test('localFailure() passes a Failure on, and takes what is no system error for a defect', () => {
  const failure = new Failure('stopped', 'x')
  assert.equal(localFailure(failure, 'read', 'a', 'b'), failure)
  const defect = localFailure(new TypeError('undefined is not a function'), 'read', 'a', 'b')
  assert.equal(defect.code, 'defect')
  assert.match(defect.message, /undefined is not a function/)
})
