import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../base/failure.ts'
import { decodeConfig, encodeConfig } from './config.ts'
import { resticFixtures } from './fixtures/restic-fixtures.ts'

for (const fixture of resticFixtures) {
  test(`encodeConfig() gives the config of ${fixture.name} the bytes that restic gave it`, () => {
    assert.equal(encodeConfig(decodeConfig(Buffer.from(fixture.config))).toString(), fixture.config)
  })
}

test('decodeConfig() names a format version that it does not know', () => {
  const text = resticFixtures[0]!.config.replace('"version":1', '"version":3')
  assert.throws(
    () => decodeConfig(Buffer.from(text)),
    (error) => isFailure(error, 'repository_unsupported'),
  )
})

test('decodeConfig() refuses a polynomial that is none', () => {
  for (const polynomial of ['', 'xyz', '0'.repeat(17)]) {
    const text = `{"version":2,"id":"${'0'.repeat(64)}","chunker_polynomial":"${polynomial}"}`
    assert.throws(
      () => decodeConfig(Buffer.from(text)),
      (error) => isFailure(error, 'repository_damaged'),
      polynomial,
    )
  }
})
