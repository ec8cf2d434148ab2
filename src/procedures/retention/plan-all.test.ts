import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleBackup, sampleCopy, sampleId } from '../../../testing/backup-samples.ts'
import { memoryLocations } from '../../../testing/memory-locations.ts'
import { statusPolicy } from '../../../testing/status-samples.ts'
import { neverStopped } from '../../base/abort.ts'
import { fakeClock } from '../../base/clock.ts'
import { memoryCatalog } from '../../catalog/memory/memory-catalog.ts'
import { planAll } from './plan-all.ts'

const signal = neverStopped()

test('planAll() removes nothing of a source while backups that should stay are gone from the primary', async () => {
  const catalog = memoryCatalog()
  const { locations, storageOf } = memoryLocations()
  await locations.create({ location: 'primary', generation: 1 }, signal)
  // Five weekly fulls, of which four and four weeks are to stay.
  for (let week = 0; week < 5; week++) {
    const takenAt = new Date(Date.UTC(2026, 2, 1 + 7 * week, 2))
    await catalog.addBackup(sampleBackup({ id: sampleId(week + 1), takenAt }))
    await catalog.addCopy(sampleCopy({ backup: sampleId(week + 1) }))
    await storageOf('primary').put(
      `snapshots/${sampleId(week + 1)}`,
      new Uint8Array(1),
      { whenPresent: 'keep' },
      signal,
    )
  }
  const clock = fakeClock(new Date('2026-04-04T06:00:00Z'))
  const removals = async (): Promise<{ removed: string[]; held: string | undefined }> => {
    const [plan] = await planAll({ catalog, locations, policy: statusPolicy, clock }, ['documents'], new Set(), signal)
    const going = plan!.decisions.filter(({ decision }) => decision === 'remove')
    return { removed: going.map(({ backup }) => backup.id), held: plan!.held }
  }
  assert.deepEqual(await removals(), { removed: [sampleId(1)], held: undefined })

  // One that was to go is gone already: a retention that was killed before it said so.
  await storageOf('primary').remove(`snapshots/${sampleId(1)}`, signal)
  assert.deepEqual(await removals(), { removed: [sampleId(1)], held: undefined })

  await storageOf('primary').remove(`snapshots/${sampleId(4)}`, signal)
  const { removed, held } = await removals()
  assert.deepEqual(removed, [])
  assert.match(held!, /nothing is removed of "documents" while backups .* \(00000000\): run `verify`, then `heal`/)
})
