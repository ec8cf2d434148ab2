import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FolderSync } from './folder-sync.ts'

/** Lets everything go on that waits for nothing but its turn. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** A FolderSync of "/r" whose syncs end when the test says so. */
function heldSync() {
  const begun: string[] = []
  const ends: PromiseWithResolvers<void>[] = []
  const sync = new FolderSync('/r', (folder) => {
    begun.push(folder)
    const end = Promise.withResolvers<void>()
    ends.push(end)
    return end.promise
  })
  return { begun, ends, sync }
}

test('FolderSync.sync() shares the sync that has not begun, and never one that has', async () => {
  const { begun, ends, sync } = heldSync()
  const first = sync.sync('/r')
  const alongFirst = sync.sync('/r')
  await settle()
  assert.deepEqual(begun, ['/r'])
  const second = sync.sync('/r')
  const alongSecond = sync.sync('/r')
  let secondDone = false
  void second.then(() => (secondDone = true))
  ends[0]!.resolve()
  await Promise.all([first, alongFirst])
  await settle()
  assert.deepEqual(begun, ['/r', '/r'])
  assert.equal(secondDone, false)
  ends[1]!.resolve()
  await Promise.all([second, alongSecond])
  await settle()
  assert.deepEqual(begun, ['/r', '/r'])
})

test('FolderSync.sync() tells those who waited of a failure, and begins anew for the next', async () => {
  const { begun, ends, sync } = heldSync()
  const first = sync.sync('/r')
  first.catch(() => {}) // Its turn comes below.
  await settle()
  const second = sync.sync('/r')
  ends[0]!.reject(new Error('no'))
  await assert.rejects(first, { message: 'no' })
  await settle()
  ends[1]!.resolve()
  await second
  assert.equal(begun.length, 2)
})

test('FolderSync.sync() syncs the folders above once, up to the root', async () => {
  const begun: string[] = []
  const sync = new FolderSync('/r', async (folder) => {
    begun.push(folder)
  })
  await sync.sync('/r/data/ab')
  assert.deepEqual(begun, ['/r/data/ab', '/r/data', '/r'])
  await sync.sync('/r/data/ab')
  await sync.sync('/r/data/cd')
  assert.deepEqual(begun.slice(3), ['/r/data/ab', '/r/data/cd', '/r/data'])
})
