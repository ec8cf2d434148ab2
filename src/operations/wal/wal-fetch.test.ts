import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
import { faultStorage, flipBit } from '../../storage/fault-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import { testArchive } from '../../../testing/recovery-bench.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { sampleSegment, sampleSegmentBytes, sampleSystem } from '../../../testing/wal-segment.ts'
import { segmentsAfter, walFetch, type WalAnswer } from './wal-fetch.ts'
import type { WalArchive } from './wal-archive.ts'
import { WalSpool } from './wal-spool.ts'

const signal = neverStopped()

function fetchFrom(archive: WalArchive, folder: TemporaryFolder, name: string): Promise<WalAnswer> {
  mkdirSync(folder.at('pg_wal'), { recursive: true })
  return walFetch(
    {
      archive,
      systemIdentifier: sampleSystem,
      name,
      path: folder.at('pg_wal/RECOVERYXLOG'),
      segmentBytes: sampleSegmentBytes,
      spoolFolder: folder.at('spool'),
      walFolder: folder.at('pg_wal'),
      processId: 1,
    },
    signal,
  )
}

test('walFetch() writes what is stored, fills up a beginning, and tells the end from a gap', async () => {
  await using folder = temporaryFolder('fetch')
  using archive = testArchive()
  const whole = sampleSegment({ segment: 5, fill: 1 })
  await archive.put(whole, signal)
  await archive.put(sampleSegment({ segment: 6, fill: 2, partBytes: 9000 }), signal)
  await archive.put(sampleSegment({ segment: 6, fill: 2, partBytes: 20_000 }), signal)
  assert.equal(await fetchFrom(archive, folder, whole.name), 'fetched')
  assert.deepEqual(readFileSync(folder.at('pg_wal/RECOVERYXLOG')), whole.content)
  const six = sampleSegment({ segment: 6, fill: 2 })
  assert.equal(await fetchFrom(archive, folder, six.name), 'fetched')
  const filled = readFileSync(folder.at('pg_wal/RECOVERYXLOG'))
  assert.equal(filled.length, sampleSegmentBytes)
  assert.ok(filled.subarray(0, 20_000).equals(six.content.subarray(0, 20_000)))
  assert.ok(filled.subarray(20_000).every((byte) => byte === 0))
  for (const name of ['000000010000000000000007', '00000002.history', '000000020000000000000005'])
    assert.equal(await fetchFrom(archive, folder, name), 'absent', name)
  await archive.put(sampleSegment({ segment: 8 }), signal)
  await archive.put(sampleSegment({ segment: 7, partBytes: 9000 }), signal)
  await assert.rejects(fetchFrom(archive, folder, '000000010000000000000007'), (error) => isFailure(error, 'wal_gap'))
  await archive.put(sampleSegment({ segment: 600, partBytes: 9000 }), signal)
  await assert.rejects(fetchFrom(archive, folder, '000000010000000000000012'), (error) => isFailure(error, 'wal_gap'))
  await assert.rejects(fetchFrom(archive, folder, 'pg_wal'), (error) => isFailure(error, 'usage'))
})

test('walFetch() leaves a segment to the cluster that has more of it', async () => {
  await using folder = temporaryFolder('fetch')
  using archive = testArchive()
  const own = sampleSegment({ segment: 5, endUs: 1n, restorePoint: 'further' })
  await archive.put(sampleSegment({ segment: 5, endUs: 1n, partBytes: 9000 }), signal)
  mkdirSync(folder.at('pg_wal'))
  writeFileSync(folder.at('pg_wal', own.name), own.content)
  assert.equal(await fetchFrom(archive, folder, own.name), 'more at hand')
  // An old segment under the name of one to come, as servers keep them, is nothing of it.
  writeFileSync(folder.at('pg_wal', own.name), sampleSegment({ segment: 2, fill: 1 }).content)
  assert.equal(await fetchFrom(archive, folder, own.name), 'fetched')
})

test('walFetch() hands out nothing that is damaged, but what a copy has whole', async () => {
  await using folder = temporaryFolder('fetch')
  const storage = memoryStorage()
  using writer = testArchive(storage)
  const file = sampleSegment({ segment: 5, fill: 9 })
  await writer.put(file, signal)
  const damaged = faultStorage(storage, { changeRead: flipBit(4000) })
  using reader = writer.onStorages({ primary: damaged })
  await assert.rejects(fetchFrom(reader, folder, file.name), (error) => isFailure(error, 'repository_damaged'))
  assert.ok(!existsSync(folder.at('pg_wal/RECOVERYXLOG')))
  using withCopy = writer.onStorages({ primary: damaged, copy: storage })
  assert.equal(await fetchFrom(withCopy, folder, file.name), 'fetched')
  assert.deepEqual(readFileSync(folder.at('pg_wal/RECOVERYXLOG')), file.content)
})

test('WalSpool fetches ahead as far as it may, and walFetch() takes from it what the storage has lost since', async () => {
  await using folder = temporaryFolder('fetch')
  const storage = memoryStorage()
  using archive = testArchive(storage)
  const files = [5, 6, 7, 8].map((segment) => sampleSegment({ segment, fill: segment }))
  for (const file of files) await archive.put(file, signal)
  const spool = new WalSpool(folder.at('spool'), { archive, systemIdentifier: sampleSystem, processId: 1 })
  const names = [...segmentsAfter(files[0]!.name, sampleSegmentBytes, 10)]
  await spool.keepFilled(names, { aheadMax: 2, idleMsMax: 50 }, systemClock, signal)
  assert.deepEqual(readdirSync(spool.folder), [files[1]!.name, files[2]!.name])
  await archive.remove(await archive.list('', signal), signal)
  assert.equal(await fetchFrom(archive, folder, files[1]!.name), 'fetched')
  assert.deepEqual(readFileSync(folder.at('pg_wal/RECOVERYXLOG')), files[1]!.content)
  assert.equal(await fetchFrom(archive, folder, files[3]!.name), 'absent')
})
