import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
import { RestoreCrew } from './restore-crew.ts'
import type { RestoreWorkerData } from './restore-job.ts'

test('RestoreCrew fails with "defect" where a worker dies, and ends all the same', async () => {
  const noData = {} as RestoreWorkerData
  await using crew = new RestoreCrew({ workers: 2, dataOf: () => noData, clock: systemClock }, neverStopped())
  const job = { kind: 'finish', directories: [], files: [] } as const
  const ends = await Promise.allSettled([crew.run(job, 0), crew.run(job, 1), crew.run(job)])
  for (const end of ends) assert.ok(end.status === 'rejected' && isFailure(end.reason, 'defect'))
  await assert.rejects(crew.run(job), (error) => isFailure(error, 'defect'))
})

test('RestoreCrew starts no worker that is not needed', async () => {
  let started = 0
  const dataOf = (): RestoreWorkerData => {
    started++
    return {} as RestoreWorkerData
  }
  {
    await using crew = new RestoreCrew({ workers: 2, dataOf, clock: systemClock }, neverStopped())
    assert.deepEqual(await crew.compare([], 'content'), [])
    assert.deepEqual(await crew.finish([]), [])
  }
  assert.equal(started, 0)
})
