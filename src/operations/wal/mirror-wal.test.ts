import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { faultStorage, flipBit } from '../../storage/fault-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import type { Storage } from '../../storage/storage.ts'
import { testArchive } from '../../../testing/recovery-bench.ts'
import { sampleSegment } from '../../../testing/wal-segment.ts'
import { mirrorWal } from './mirror-wal.ts'

const signal = neverStopped()
const prefix = 'production/1/wal/orders/'

test('mirrorWal() makes the other location the same, without a key, and follows what was removed and what grew', async () => {
  const [from, to] = [memoryStorage(), memoryStorage()]
  using archive = testArchive(from)
  await archive.put(sampleSegment({ segment: 5 }), signal)
  await archive.put(sampleSegment({ segment: 6, partBytes: 9000 }), signal)
  assert.equal((await mirrorWal({ from, to, prefix, surplus: 'remove' }, signal)).copied, 2)
  assert.equal((await mirrorWal({ from, to, prefix, surplus: 'remove' }, signal)).copied, 0)
  await archive.put(sampleSegment({ segment: 6 }), signal)
  await archive.remove(
    (await archive.list('', signal)).filter(({ partBytes }) => partBytes !== undefined),
    signal,
  )
  const { copied, removed, damaged } = await mirrorWal({ from, to, prefix, surplus: 'remove' }, signal)
  assert.deepEqual([copied, removed, damaged], [1, 1, []])
  using copy = archive.onStorages({ primary: to })
  assert.deepEqual(
    (await copy.get(sampleSegment({ segment: 6 }), signal))?.content,
    sampleSegment({ segment: 6 }).content,
  )
})

test('mirrorWal() copies nothing damaged, removes nothing then, and refuses to follow a source that lost all', async () => {
  const [from, to] = [memoryStorage(), memoryStorage()]
  using archive = testArchive(from)
  await archive.put(sampleSegment({ segment: 5 }), signal)
  await mirrorWal({ from, to, prefix, surplus: 'keep' }, signal)
  await archive.remove(await archive.list('', signal), signal)
  await assert.rejects(mirrorWal({ from, to, prefix, surplus: 'remove' }, signal), (error) =>
    isFailure(error, 'refused'),
  )
  await archive.put(sampleSegment({ segment: 6 }), signal)
  const damaged = faultStorage(from, { changeRead: flipBit(999) })
  const outcome = await mirrorWal({ from: damaged, to, prefix, surplus: 'remove' }, signal)
  assert.deepEqual([outcome.copied, outcome.removed, outcome.damaged.length], [0, 0, 1])
  using copy = archive.onStorages({ primary: to })
  assert.equal((await copy.list('', signal)).length, 1)
})

test('mirrorWal() copies what a receiver puts in the place of a beginning that it had listed', async () => {
  const [from, to] = [memoryStorage(), memoryStorage()]
  using archive = testArchive(from)
  await archive.put(sampleSegment({ segment: 5, partBytes: 9000 }), signal)
  let growths = 0
  const growing: Storage = {
    ...from,
    get: async (...request) => {
      if (growths++ < 2) {
        const before = await archive.list('', signal)
        await archive.put(sampleSegment({ segment: 5, ...(growths === 1 && { partBytes: 20_000 }) }), signal)
        await archive.remove(before, signal)
      }
      return await from.get(...request)
    },
  }
  const { copied } = await mirrorWal({ from: growing, to, prefix, surplus: 'keep' }, signal)
  assert.equal(copied, 1)
  using copy = archive.onStorages({ primary: to })
  assert.deepEqual(
    (await copy.list('', signal)).map(({ partBytes }) => partBytes),
    [undefined],
  )
})
