import assert from 'node:assert/strict'
import { test } from 'node:test'
import { userNamed } from './user-named.ts'

test('userNamed() answers the numbers of a user, and nothing for one that is not there', () => {
  assert.deepEqual(userNamed('root'), { uid: 0, gid: 0 })
  assert.equal(userNamed('nobody-of-this-name'), undefined)
})
