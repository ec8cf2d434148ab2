import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { Failure, type FailureCode, isFailure } from '../../base/failure.ts'
import type { Repository } from '../../repository/repository.ts'
import { failOnce, type Faults, faultStorage, type StorageCall } from '../../storage/fault-storage.ts'
import type { BackupReport } from './back-up.ts'
import {
  assertSound,
  type BackupChanges,
  backUpPaths,
  itemCounts,
  reopened,
  storedEntries,
} from '../../../testing/back-up-folder.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'

const signal = neverStopped()
const random = seededRandom('back up, faults')
/** Two files of the size below are a pack, so that a worker soon waits for the storage. */
const packBytes = 500_000

/** Directories and files enough for several packs of data. */
function manyFiles(folder: TemporaryFolder, bytes = 300_000): void {
  for (let at = 0; at < 12; at++) {
    mkdirSync(folder.at('root', `d${at % 3}`), { recursive: true })
    writeFileSync(folder.at('root', `d${at % 3}`, `f${at}`), random.bytes(bytes))
  }
}

async function backUpRoot(
  repository: Repository,
  folder: TemporaryFolder,
  changes: BackupChanges = {},
  stop = signal,
): Promise<BackupReport> {
  const options = { workingDirectory: folder.path, packBytes, ...changes }
  return await backUpPaths(repository, ['root'], options, {}, stop)
}

/** Everything on the disk is in the snapshot as it is, for somebody who opens the repository anew. */
async function assertStored(repository: Repository, { tree }: BackupReport, folder: TemporaryFolder): Promise<void> {
  const entries = await storedEntries(await reopened(repository), tree)
  const files = readdirSync(folder.at('root'), { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
  assert.ok(files.length > 0)
  for (const { parentPath, name } of files) {
    const path = `${parentPath}/${name}`
    assert.equal(entries.get(path.slice(folder.path.length + 1))?.content, hash('sha256', readFileSync(path)), path)
  }
}

/** The repository behind faults; the faults do not hold for who uses it directly. */
async function faulty(repository: Repository, faults: Faults): Promise<Repository> {
  return await reopened(repository, faultStorage(repository.storage, faults))
}

/** How often a whole backup of this folder calls put(). */
async function countPuts(folder: TemporaryFolder): Promise<number> {
  let puts = 0
  const count = ({ verb }: StorageCall): void => void (verb === 'put' && puts++)
  await backUpRoot(await faulty(await freshRepository(), { before: count }), folder)
  return puts
}

/** Acts at the put of that number, once; not at all after stop(). */
function onPut(wanted: number, act: () => void): ((call: StorageCall) => void) & { stop(): void } {
  let puts = 0
  const hook = ({ verb }: StorageCall): void => {
    if (verb === 'put' && ++puts === wanted) act()
  }
  return Object.assign(hook, { stop: () => void (puts = Infinity) })
}

function fail(code: FailureCode): () => never {
  return () => {
    throw new Failure(code, 'Cannot put: fault on purpose')
  }
}

for (const when of ['before', 'after'] as const) {
  test(`backUp() fails with the storage's own failure where a put fails ${when} its effect; nothing is lost, and the next run finishes`, async () => {
    await using folder = temporaryFolder('back-up-faults')
    manyFiles(folder)
    const puts = await countPuts(folder)
    assert.ok(puts >= 6, `${puts} puts`)
    for (let wanted = 1; wanted <= puts; wanted++) {
      const inside = await freshRepository()
      const first = await backUpRoot(inside, folder, { excludes: { patterns: ['f*'] } })
      const fault = onPut(wanted, fail('storage_full'))
      const repository = await faulty(inside, { [when]: fault })
      const attempt = backUpRoot(repository, folder, { parent: 'none' })
      const outcome = await attempt.catch((error: unknown) => error)
      // With what was stored before, the second run puts less often: then the fault never came.
      if (outcome instanceof Error) assert.ok(isFailure(outcome, 'storage_full'), String(outcome))
      fault.stop()
      await assertSound(inside, { hints: 'allowed' })
      assert.equal((await storedEntries(await reopened(inside), first.tree)).size, 4)
      // The same process tries again with the same repository, and so does another one.
      for (const next of [repository, await reopened(inside)]) {
        const report = await backUpRoot(next, folder)
        assert.deepEqual(report.gaps, [])
        await assertStored(inside, report, folder)
      }
    }
  })
}

test('backUp() names by an index what is stored when it is given up, so that the next run does not store it again', async () => {
  await using folder = temporaryFolder('back-up-faults')
  manyFiles(folder)
  const inside = await freshRepository()
  const repository = await faulty(inside, { before: onPut(3, fail('storage_unreachable')) })
  await assert.rejects(backUpRoot(repository, folder), (error) => isFailure(error, 'storage_unreachable'))
  const known = (await reopened(inside)).index.totals()
  assert.ok(known.dataBlobs >= 3, `${known.dataBlobs}`)
  const next = await backUpRoot(await reopened(inside), folder)
  assert.equal(next.summary.data_blobs, 12 - known.dataBlobs)
  await assertSound(inside)
})

test('backUp() that is stopped at any moment stores no snapshot, tells so, and leaves a sound repository', async () => {
  await using folder = temporaryFolder('back-up-faults')
  manyFiles(folder, 200_000)
  const puts = await countPuts(folder)
  for (let wanted = 1; wanted <= puts; wanted++) {
    const inside = await freshRepository()
    const stopping = new AbortController()
    const repository = await faulty(inside, { before: onPut(wanted, () => stopping.abort()) })
    await assert.rejects(backUpRoot(repository, folder, { workers: 2 }, stopping.signal), (error) =>
      isFailure(error, 'stopped'),
    )
    await assertSound(inside, { hints: 'allowed' })
    assert.equal((await inside.listSnapshots(signal)).length, 0)
  }
  for (let turns = 0; turns < 12; turns++) {
    const repository = await freshRepository()
    const stopping = new AbortController()
    const attempt = backUpRoot(repository, folder, { workers: 2 }, stopping.signal)
    attempt.catch(() => {})
    for (let turn = 0; turn < turns ** 3; turn++) await setImmediate()
    stopping.abort(new Failure('lock_lost', 'on purpose'))
    // It may have been done before; else the reason of the stop is what it fails with.
    await attempt.catch((error: unknown) => assert.ok(isFailure(error, 'lock_lost'), String(error)))
    await assertSound(repository, { hints: 'allowed' })
  }
})

test('backUp() goes on without what it can not read of the parent snapshot, stores it again, and tells the pack', async () => {
  await using folder = temporaryFolder('back-up-faults')
  manyFiles(folder, 1000)
  for (const damage of ['flipped', 'cut', 'gone'] as const) {
    const repository = await freshRepository()
    const first = await backUpRoot(repository, folder)
    const entry = repository.index.find(first.tree, 'tree')
    const { packId } = repository.index.location(entry)
    const objectName = `data/${packId.slice(0, 2)}/${packId}`
    const bytes = Buffer.from(await repository.storage.get(objectName, {}, signal))
    for (let at = 5; at < bytes.length; at += 100) bytes[at]! ^= 1
    if (damage === 'gone') await repository.storage.remove(objectName, signal)
    else {
      const damaged = damage === 'cut' ? bytes.subarray(0, 40) : bytes
      await repository.storage.put(objectName, damaged, { whenPresent: 'replace' }, signal)
    }
    const second = await backUpRoot(await reopened(repository), folder)
    assert.deepEqual(second.packsWithdrawn, [packId])
    assert.equal(second.parentId, first.snapshotId)
    assert.equal(second.tree, first.tree)
    assert.equal(second.summary.files_new, 12)
    assert.equal(second.summary.data_blobs, 0)
    await assertStored(repository, second, folder)
    const third = await backUpRoot(await reopened(repository), folder)
    assert.deepEqual(itemCounts(third.summary).files, [0, 0, 12])
  }
})

test('backUp() looks past a damaged snapshot for its parent', async () => {
  await using folder = temporaryFolder('back-up-faults')
  manyFiles(folder, 1000)
  const repository = await freshRepository()
  const first = await backUpRoot(repository, folder)
  const second = await backUpRoot(repository, folder)
  const objectName = `snapshots/${second.snapshotId}`
  await repository.storage.put(objectName, new Uint8Array(100), { whenPresent: 'replace' }, signal)
  const third = await backUpRoot(repository, folder)
  assert.equal(third.parentId, first.snapshotId)
})

function heldOpen(): { readonly descriptors: number; readonly threads: number } {
  return { descriptors: readdirSync('/proc/self/fd').length, threads: readdirSync('/proc/self/task').length }
}

test('backUp() leaves no descriptor and no thread behind, however it ends', async () => {
  await using folder = temporaryFolder('back-up-faults')
  manyFiles(folder)
  await backUpRoot(await freshRepository(), folder)
  const before = heldOpen()
  await backUpRoot(await freshRepository(), folder, { workers: 2 })
  const failing = await faulty(await freshRepository(), { before: onPut(2, fail('storage_full')) })
  await assert.rejects(backUpRoot(failing, folder, { workers: 2 }))
  await assert.rejects(backUpPaths(await freshRepository(), [folder.at('missing')]))
  await assert.rejects(backUpRoot(await freshRepository(), folder, {}, AbortSignal.abort()))
  assert.deepEqual(heldOpen(), before)
})

test('backUp() whose worker dies fails and does not hang', async () => {
  await using folder = temporaryFolder('back-up-faults')
  manyFiles(folder, 1000)
  // Packs of this size are more than a memory of WebAssembly can hold.
  const attempt = backUpRoot(await freshRepository(), folder, { packBytes: 2 ** 31 })
  await assert.rejects(attempt, (error) => isFailure(error, 'defect'))
})

test('backUp() retries nothing by itself: a passing fault of the storage is for the wrapper that retries', async () => {
  await using folder = temporaryFolder('back-up-faults')
  manyFiles(folder, 1000)
  const repository = await faulty(await freshRepository(), {
    before: failOnce('storage_unreachable', ({ objectName }) => objectName.startsWith('snapshots/')),
  })
  await assert.rejects(backUpRoot(repository, folder, { parent: 'latest' }), (error) =>
    isFailure(error, 'storage_unreachable'),
  )
})

test('backUp() fills packs anew while others are written but not durable yet, and names none of them before', async () => {
  await using folder = temporaryFolder('back-up-faults')
  manyFiles(folder)
  const repository = await freshRepository()
  let durable = 0
  let written = 0
  const allWritten = Promise.withResolvers<void>()
  const after = async ({ verb, objectName }: StorageCall): Promise<void> => {
    if (verb !== 'put') return
    if (!objectName.startsWith('data/')) {
      assert.equal(durable, written, `"${objectName}" was stored before the packs were durable`)
      return
    }
    // One worker has two places for packs of data: that six are written shows that it did not wait for the first.
    if (++written === 6) allWritten.resolve()
    await allWritten.promise
    await setImmediate()
    durable++
  }
  const report = await backUpRoot(await faulty(repository, { after }), folder, { workers: 1 })
  assert.ok(durable >= 6)
  await assertStored(repository, report, folder)
})

test('backUp() fails where a pack that was written can not be made durable, and names nothing of it', async () => {
  await using folder = temporaryFolder('back-up-faults')
  manyFiles(folder)
  const repository = await freshRepository()
  let written = 0
  const after = async ({ verb, objectName }: StorageCall): Promise<void> => {
    if (verb !== 'put' || !objectName.startsWith('data/') || ++written !== 3) return
    await setImmediate()
    throw new Failure('storage_unreachable', 'The disk failed, on purpose')
  }
  const failing = backUpRoot(await faulty(repository, { after }), folder, { workers: 1 })
  await assert.rejects(failing, { code: 'storage_unreachable' })
  assert.deepEqual(await Array.fromAsync(repository.list('snapshots', signal)), [])
  const report = await backUpRoot(await reopened(repository), folder)
  await assertStored(repository, report, folder)
})
