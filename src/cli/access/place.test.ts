import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fakeWorld } from '../../../testing/fake-world.ts'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { parsePlace, repositoryPlace } from './place.ts'

const world = fakeWorld({})

test('parsePlace() takes a place without the word of an adapter as a folder', () => {
  assert.deepEqual(parsePlace('/srv/backup', world), { adapter: 'local', path: '/srv/backup' })
  assert.deepEqual(parsePlace('./a:b', world), { adapter: 'local', path: './a:b' })
  assert.deepEqual(parsePlace('local:a:b', world), { adapter: 'local', path: 'a:b' })
})

test('parsePlace() refuses a word that no adapter has, and an empty place', () => {
  for (const text of ['s3:https://example.org/bucket', 'sftp:host:/x', 'constructor:x']) {
    assert.throws(
      () => parsePlace(text, world),
      (error) => isFailure(error, 'unsupported'),
      text,
    )
  }
  assert.throws(
    () => parsePlace('', world),
    (error) => isFailure(error, 'usage'),
  )
})

test('repositoryPlace() wants exactly one place', async () => {
  const both = { repo: '/a', repositoryFile: '/b' }
  const neither = { repo: undefined, repositoryFile: undefined }
  const policy = { repo: '/a', repositoryFile: undefined, policy: '/p' }
  assert.equal(await repositoryPlace({ ...neither, repo: '/a' }, neverStopped()), '/a')
  for (const options of [both, neither, policy]) {
    await assert.rejects(repositoryPlace(options, neverStopped()), (error) => isFailure(error, 'usage'))
  }
})
