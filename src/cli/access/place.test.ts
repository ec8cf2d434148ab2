import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { repositoryPlace } from './place.ts'

test('repositoryPlace() wants exactly one place', async () => {
  const both = { repo: '/a', repositoryFile: '/b' }
  const neither = { repo: undefined, repositoryFile: undefined }
  const policy = { repo: '/a', repositoryFile: undefined, policy: '/p' }
  assert.equal(await repositoryPlace({ ...neither, repo: '/a' }, neverStopped()), '/a')
  for (const options of [both, neither, policy]) {
    await assert.rejects(repositoryPlace(options, neverStopped()), (error) => isFailure(error, 'usage'))
  }
})
