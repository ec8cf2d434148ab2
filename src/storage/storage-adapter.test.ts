import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../base/failure.ts'
import { memoryStorage } from './memory/memory-storage.ts'
import { parsePlace, placeWithin, type StorageAdapter } from './storage-adapter.ts'

const local: StorageAdapter = { open: async () => memoryStorage(), create: async () => memoryStorage() }
const adapters = { local }

test('parsePlace() takes a place without the word of an adapter as a folder', () => {
  assert.deepEqual(parsePlace('/srv/backup', adapters), { adapter: 'local', path: '/srv/backup' })
  assert.deepEqual(parsePlace('./a:b', adapters), { adapter: 'local', path: './a:b' })
  assert.deepEqual(parsePlace('local:a:b', adapters), { adapter: 'local', path: 'a:b' })
})

test('parsePlace() refuses a word that no adapter has, and an empty place', () => {
  for (const text of ['s3:https://example.org/bucket', 'sftp:host:/x', 'constructor:x']) {
    assert.throws(
      () => parsePlace(text, adapters),
      (error) => isFailure(error, 'unsupported'),
      text,
    )
  }
  assert.throws(
    () => parsePlace('', adapters),
    (error) => isFailure(error, 'usage'),
  )
})

test('placeWithin() adds names to a place with and without an adapter and a slash at its end', () => {
  assert.equal(placeWithin('local:/srv/backup/', 'production', '1'), 'local:/srv/backup/production/1')
  assert.equal(placeWithin('/srv', 'a'), '/srv/a')
  assert.equal(placeWithin('/', 'a'), '/a')
})
