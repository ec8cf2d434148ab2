import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../base/failure.ts'
import { resticFixtures } from './fixtures/restic-fixtures.ts'
import { decodeKeyFile, encodeKeyFile } from './key-file.ts'
import { decodeMasterKey, encodeMasterKey } from './master-key-json.ts'

for (const fixture of resticFixtures) {
  test(`encodeKeyFile() gives the key of ${fixture.name} the bytes that restic gave it`, () => {
    const key = decodeKeyFile(Buffer.from(fixture.keyFile), 'a key')
    assert.equal(key.data.length, fixture.masterKey.length + 32)
    assert.equal(encodeKeyFile(key).toString(), fixture.keyFile)
  })

  test(`encodeMasterKey() gives the master key of ${fixture.name} the bytes that restic gave it`, () => {
    const key = decodeMasterKey(Buffer.from(fixture.masterKey))
    assert.equal(encodeMasterKey(key).toString(), fixture.masterKey)
  })
}

test('decodeKeyFile() refuses costs that would exhaust the machine or that scrypt does not take', () => {
  const text = resticFixtures[0]!.keyFile
  const wrong = ['"N":0', '"N":3', '"N":1073741824', '"N":1.5'].map((N) => text.replace(/"N":\d+/, N))
  wrong.push(
    text.replace(/"r":\d+/, '"r":0'),
    text.replace(/"p":\d+/, '"p":1048576'),
    text.replace('scrypt', 'md5'),
    text.replace(/"salt":"[^"]*"/, '"salt":"AAAA"'),
  )
  for (const item of wrong) {
    assert.notEqual(item, text)
    assert.throws(
      () => decodeKeyFile(Buffer.from(item), 'a key'),
      (error) => isFailure(error, 'repository_damaged'),
      item,
    )
  }
})

test('decodeMasterKey() refuses keys that are none, and never says their text', () => {
  const text = resticFixtures[0]!.masterKey
  const wrong = [
    '{}',
    'no JSON secret',
    text.replace(/"encrypt":"...../, '"encrypt":"'),
    text.replace(/"encrypt":"[^"]*"/, `"encrypt":"${Buffer.alloc(32).toString('base64')}"`),
    text.replace(/"encrypt":"([^"]*)"/, '"encrypt":["$1secret"]'),
  ]
  for (const item of wrong) {
    const decode = (): unknown => decodeMasterKey(Buffer.from(item))
    assert.throws(
      decode,
      (error) => isFailure(error, 'key_wrong') && !/secret/.test(error.message) && !error.cause,
      item,
    )
  }
})

test('decodeMasterKey() reads what `restic cat masterkey` prints', () => {
  const text = resticFixtures[1]!.masterKey
  const printed = JSON.stringify(JSON.parse(text), null, 2)
  assert.equal(encodeMasterKey(decodeMasterKey(Buffer.from(printed))).toString(), text)
})
