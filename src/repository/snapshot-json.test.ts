import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isFailure } from '../base/failure.ts'
import { resticFixtures } from './fixtures/restic-fixtures.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot-json.ts'

for (const fixture of resticFixtures) {
  test(`encodeSnapshot() gives every snapshot of ${fixture.name} the bytes that restic gave it`, () => {
    for (const text of fixture.snapshots) {
      assert.equal(encodeSnapshot(decodeSnapshot(Buffer.from(text), 'a snapshot')).toString(), text)
    }
  })
}

test('decodeSnapshot() is the inverse of encodeSnapshot()', () => {
  const id = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'))
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 10 })
  const snapshot = fc.record(
    {
      time: fc.constant('2026-11-23T04:27:52.026660568+01:00'),
      parent: id,
      tree: id,
      paths: fc.array(text),
      hostname: text,
      username: text,
      uid: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      gid: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      excludes: fc.array(text, { minLength: 1 }),
      tags: fc.array(text, { minLength: 1 }),
      original: id,
      program_version: text,
    },
    { requiredKeys: ['time', 'tree', 'paths'], noNullPrototype: true },
  )
  fc.assert(
    fc.property(snapshot, (data) => {
      assert.deepEqual(decodeSnapshot(encodeSnapshot(data), 'a snapshot'), data)
    }),
  )
})

test('encodeSnapshot() leaves out what is empty or zero, as restic does', () => {
  const tree = '0'.repeat(64)
  const empty = { hostname: '', username: '', uid: 0, gid: 0, excludes: [], tags: [], program_version: '' }
  assert.equal(
    encodeSnapshot({ time: '2026-11-23T04:27:52Z', tree, paths: [], ...empty }).toString(),
    `{"time":"2026-11-23T04:27:52Z","tree":"${tree}","paths":[]}`,
  )
})

test('decodeSnapshot() refuses a snapshot without a tree or a time', () => {
  for (const text of ['[]', '{}', '{"time":"2026-11-23T04:27:52Z"}', `{"tree":"${'0'.repeat(64)}"}`, 'x']) {
    const decode = (): unknown => decodeSnapshot(Buffer.from(text), 'a snapshot')
    assert.throws(decode, (error) => isFailure(error, 'repository_damaged'), text)
  }
})
