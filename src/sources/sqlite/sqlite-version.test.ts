import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../../base/failure.ts'
import { requireSafeSqlite } from './sqlite-version.ts'

test('requireSafeSqlite() takes 3.51.3 and newer, and says what to do about an older one', () => {
  for (const version of ['3.51.3', '3.51.10', '3.53.0', '4.0.0', process.versions['sqlite']]) requireSafeSqlite(version)
  for (const version of ['3.51.2', '3.50.9', '2.99.99', '3', 'x.y.z', '', undefined]) {
    assert.throws(
      () => requireSafeSqlite(version),
      (error) =>
        isFailure(error, 'unsupported') && /3\.51\.3/.test(error.message) && /Node/.test(String(error.facts['hint'])),
      version,
    )
  }
})
