import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleBackup, sampleId } from '../../../testing/backup-samples.ts'
import { statusPolicy } from '../../../testing/status-samples.ts'
import { fakeClock } from '../../base/clock.ts'
import { memoryCatalog } from '../../catalog/memory/memory-catalog.ts'
import { describeRetentionCount } from '../../model/count-retention.ts'
import { countLeft } from './count-left.ts'

test('countLeft() tells a source that is short from one that is young, and leaves other environments out', async () => {
  const catalog = memoryCatalog()
  const clock = fakeClock(new Date('2026-03-30T06:00:00Z'))
  for (const [number, day] of [1, 15, 22].entries()) {
    const takenAt = new Date(Date.UTC(2026, 2, day, 2))
    await catalog.addBackup(sampleBackup({ id: sampleId(number + 1), takenAt }))
  }
  await catalog.addBackup(sampleBackup({ id: sampleId(9), environment: 'staging' }))
  await catalog.addBackup(
    sampleBackup({ id: sampleId(10), source: 'orders', takenAt: new Date('2026-03-29T02:00:00Z') }),
  )
  const left = await countLeft({ catalog, policy: statusPolicy, clock }, ['documents', 'orders'])
  assert.deepEqual(
    left.map(({ source, counts }) => `${source}, ${describeRetentionCount(counts[0]!)}`),
    [
      'documents, full: 3 of 4 copies since 2026-03-01 (4 weeks wanted), short',
      'orders, full: 1 of 4 copies since 2026-03-29 (4 weeks wanted), met so far',
    ],
  )
})
