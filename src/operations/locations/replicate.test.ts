import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { backUpPaths } from '../../../testing/back-up-folder.ts'
import { memoryLocations } from '../../../testing/memory-locations.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import { noProgress } from '../progress.ts'
import { healGeneration } from './heal-generation.ts'
import type { Locations } from './locations.ts'
import { removeBackups } from './remove-backups.ts'
import { replicate, type ReplicateReport } from './replicate.ts'
import { verifyRepository } from './verify-repository.ts'

const signal = neverStopped()
const primary = { location: 'primary', generation: 1 } as const
const secondary = { location: 'secondary', generation: 1 } as const

async function backUpInto(locations: Locations, folder: string, changes = {}): Promise<Id> {
  await using locked = await locations.lock(primary, 'shared', signal)
  await locked.repository.loadIndex(signal)
  return (await backUpPaths(locked.repository, [folder], changes)).snapshotId!
}

async function copyAll(
  locations: Locations,
  removed: readonly Id[] = [],
  onlyHere: readonly Id[] = [],
): Promise<ReplicateReport> {
  const snapshots = { removed: new Set(removed), onlyHere: new Set(onlyHere) }
  const request = { locations, generation: 1, ...snapshots, whenEmpty: 'fill' } as const
  return await replicate(request, { progress: noProgress }, signal)
}

async function faultsAt(locations: Locations, choice: typeof primary | typeof secondary): Promise<readonly unknown[]> {
  const context = { progress: noProgress, random: (bytes: number) => randomBytes(bytes) }
  return (await verifyRepository({ locations, choice, read: 'all' }, context, signal)).faults
}

test('replicate() copies, reads back, and follows the removals of retention', async () => {
  await using temporary = temporaryFolder('locations')
  const folder = temporary.path
  const { locations } = memoryLocations()
  await locations.create(primary, signal)
  await writeFile(join(folder, 'a'), randomBytes(300_000))
  const first = await backUpInto(locations, folder)
  const copied = await copyAll(locations)
  assert.deepEqual(copied.snapshots, [first])
  assert.equal(copied.verifiedObjects, copied.copiedObjects)
  assert.ok(copied.copiedObjects > 3)

  await writeFile(join(folder, 'a'), randomBytes(300_000))
  const second = await backUpInto(locations, folder)
  await removeBackups({ locations, generation: 1, remove: [first] }, { progress: noProgress }, signal)
  const followed = await copyAll(locations, [first])
  assert.deepEqual(followed.snapshots, [second])
  assert.ok(followed.removedObjects > 0)
  assert.deepEqual(await faultsAt(locations, secondary), [])
  assert.equal((await copyAll(locations)).copiedObjects, 0)
})

test('replicate() follows retention to the last backup of a generation', async () => {
  await using temporary = temporaryFolder('locations')
  const { locations } = memoryLocations()
  await locations.create(primary, signal)
  await writeFile(join(temporary.path, 'a'), randomBytes(300_000))
  const only = await backUpInto(locations, temporary.path)
  await copyAll(locations)
  await removeBackups({ locations, generation: 1, remove: [only] }, { progress: noProgress }, signal)
  const followed = await copyAll(locations, [only])
  assert.deepEqual(followed.snapshots, [])
  assert.equal(followed.removedObjects, 1)
  assert.deepEqual(await faultsAt(locations, secondary), [])
  assert.deepEqual((await copyAll(locations, [only])).snapshots, [])
})

test('replicate() keeps at the secondary what the primary has lost without a retention', async () => {
  await using temporary = temporaryFolder('locations')
  const folder = temporary.path
  const { locations, storageOf } = memoryLocations()
  await locations.create(primary, signal)
  await writeFile(join(folder, 'a'), 'a')
  const first = await backUpInto(locations, folder)
  await writeFile(join(folder, 'a'), 'b')
  const second = await backUpInto(locations, folder)
  await copyAll(locations)
  const third = await backUpInto(locations, folder, { hostName: 'third' })
  await copyAll(locations)
  await storageOf('primary').remove(`snapshots/${first}`, signal)
  await removeBackups({ locations, generation: 1, remove: [second] }, { progress: noProgress }, signal)
  const report = await copyAll(locations, [second])
  assert.deepEqual(report.lostAtPrimary, [first])
  assert.equal(report.removedObjects, 1)
  assert.deepEqual(report.snapshots.toSorted(), [first, third].toSorted())
  assert.deepEqual(await faultsAt(locations, secondary), [])

  await healGeneration({ locations, generation: 1, dryRun: false }, { progress: noProgress }, signal)
  assert.notEqual(await storageOf('primary').size(`snapshots/${first}`, signal), undefined)
})

test('replicate() follows retention beside what is kept at the secondary alone, whose data goes with the last of it', async () => {
  await using temporary = temporaryFolder('locations')
  const folder = temporary.path
  const { locations, storageOf } = memoryLocations()
  await locations.create(primary, signal)
  const backups: Id[] = []
  for (const name of ['a', 'b', 'c']) {
    await writeFile(join(folder, 'a'), randomBytes(300_000))
    backups.push(await backUpInto(locations, folder, { hostName: name }))
  }
  const [first, second, third] = backups as [Id, Id, Id]
  await copyAll(locations)
  // The secondary was away when retention removed two, and then one of them was proven from there.
  await removeBackups({ locations, generation: 1, remove: [first, second] }, { progress: noProgress }, signal)
  const followed = await copyAll(locations, [first], [first, second])
  assert.deepEqual(followed.lostAtPrimary, [])
  assert.deepEqual(followed.snapshots.toSorted(), [second, third].toSorted())
  assert.deepEqual(await faultsAt(locations, secondary), [])

  const packs = async (): Promise<number> =>
    (await Array.fromAsync(storageOf('secondary').list('data/', signal))).length
  const before = await packs()
  assert.deepEqual((await copyAll(locations, [first, second], [first, second])).snapshots, [third])
  assert.ok((await packs()) < before)
  assert.deepEqual(await faultsAt(locations, secondary), [])
})

test('replicate() tells a secondary that is away from one that is empty', async () => {
  await using temporary = temporaryFolder('locations')
  const folder = temporary.path
  const { locations, places, storageOf } = memoryLocations()
  await locations.create(primary, signal)
  await writeFile(join(folder, 'a'), 'a')
  await backUpInto(locations, folder)
  places.away.add('secondary')
  await assert.rejects(copyAll(locations), (error) => isFailure(error, 'storage_unreachable'))
  places.away.clear()
  const request = {
    locations,
    generation: 1,
    removed: new Set<Id>(),
    onlyHere: new Set<Id>(),
    whenEmpty: 'refuse',
  } as const
  await assert.rejects(replicate(request, { progress: noProgress }, signal), (error) =>
    isFailure(error, 'storage_unreachable'),
  )
  assert.equal(storageOf('secondary'), undefined)
  await copyAll(locations)
  await replicate(request, { progress: noProgress }, signal)
})

test('healGeneration() makes a primary anew that was lost as a whole', async () => {
  await using temporary = temporaryFolder('locations')
  const folder = temporary.path
  const { locations, places } = memoryLocations()
  await locations.create(primary, signal)
  await writeFile(join(folder, 'a'), randomBytes(100_000))
  await backUpInto(locations, folder)
  await copyAll(locations)
  places.storages.delete('primary/production/1/repository')
  assert.equal(await locations.has(primary, signal), false)
  const report = await healGeneration({ locations, generation: 1, dryRun: false }, { progress: noProgress }, signal)
  assert.ok(report.mended.length > 0)
  assert.deepEqual(report.unhealed, [])
  assert.deepEqual(await faultsAt(locations, primary), [])
})

test('verifyRepository() names what is damaged', async () => {
  await using temporary = temporaryFolder('locations')
  const folder = temporary.path
  const { locations, storageOf } = memoryLocations()
  await locations.create(primary, signal)
  await writeFile(join(folder, 'a'), randomBytes(100_000))
  await backUpInto(locations, folder)
  assert.deepEqual(await faultsAt(locations, primary), [])
  const storage = storageOf('primary')
  const [pack] = await Array.fromAsync(storage.list('data/', signal))
  const bytes = Buffer.from(await storage.get(pack!.objectName, {}, signal))
  bytes[5]! ^= 1
  await storage.put(pack!.objectName, bytes, { whenPresent: 'replace' }, signal)
  assert.ok((await faultsAt(locations, primary)).length > 0)
})
