import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { testArchive } from '../../../testing/recovery-bench.ts'
import { sampleSegment } from '../../../testing/wal-segment.ts'

const signal = neverStopped()

test('WalArchive reads a beginning of a segment that was listed, or what a receiver has put in its place since', async () => {
  using archive = testArchive()
  await archive.put(sampleSegment({ segment: 5, partBytes: 9000 }), signal)
  const [listed] = await archive.list('', signal)
  const grow = async (partBytes: number | undefined): Promise<void> => {
    const before = await archive.list('', signal)
    await archive.put(sampleSegment({ segment: 5, ...(partBytes !== undefined && { partBytes }) }), signal)
    await archive.remove(before, signal)
  }
  for (const bytes of [9000, 20_000, 30_000, undefined]) {
    if (bytes !== 9000) await grow(bytes)
    const content = (await archive.getGrown(listed!, signal))?.content
    assert.deepEqual(content, sampleSegment({ segment: 5, ...(bytes !== undefined && { partBytes: bytes }) }).content)
    assert.equal((await archive.header(listed!, signal)).name, listed!.name)
  }
  await archive.remove(await archive.list('', signal), signal)
  assert.equal(await archive.getGrown(listed!, signal), undefined)
  await assert.rejects(archive.header(listed!, signal), (error) => isFailure(error, 'object_missing'))
})
