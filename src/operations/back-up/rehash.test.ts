import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import {
  assertSound,
  type BackupChanges,
  backUpPaths,
  reopened,
  storedEntries,
} from '../../../testing/back-up-folder.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { runRestore } from '../../../testing/run-restore.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { treeDifferences } from '../../../testing/tree-differences.ts'
import { neverStopped } from '../../base/abort.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import { packObjectName } from '../../repository/object-kind.ts'
import type { Repository } from '../../repository/repository.ts'
import { faultStorage } from '../../storage/fault-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import type { Storage } from '../../storage/storage.ts'
import { examineObject } from '../examine-object.ts'
import type { BackupReport } from './back-up.ts'

const signal = neverStopped()
const random = seededRandom('rehash')
const packBytes = 64 * 1024
const full = { read: 'all', rehash: 'relied', packBytes, workers: 2 } as const satisfies BackupChanges

function makeSource(folder: TemporaryFolder): void {
  for (let at = 0; at < 6; at++) {
    mkdirSync(folder.at('root', `d${at}`, 'below'), { recursive: true })
    for (let file = 0; file < 8; file++) {
      writeFileSync(folder.at('root', `d${at}`, 'below', `f${file}`), random.bytes(20_000))
    }
  }
}

async function backUpRoot(
  repository: Repository,
  folder: TemporaryFolder,
  changes: BackupChanges = {},
): Promise<BackupReport> {
  return await backUpPaths(repository, ['root'], { workingDirectory: folder.path, ...changes })
}

/** Every pack that holds something that the tree needs, by the index, copies not counted. */
async function packsNeeded(repository: Repository, tree: Id): Promise<Set<Id>> {
  const packs = new Set<Id>()
  const need = (id: Id, type: 'data' | 'tree'): void => {
    packs.add(repository.index.location(repository.index.find(id, type)).packId)
  }
  need(tree, 'tree')
  for (const { node } of (await storedEntries(repository, tree)).values()) {
    for (const id of node.content ?? []) need(id, 'data')
    if (node.subtree !== undefined) need(node.subtree, 'tree')
  }
  return packs
}

const damages = {
  async flip(storage: Storage, name: string): Promise<void> {
    const bytes = Uint8Array.from(await storage.get(name, {}, signal))
    const at = random.below(bytes.length)
    bytes[at] = bytes[at]! ^ (1 << random.below(8))
    await storage.put(name, bytes, { whenPresent: 'replace' }, signal)
  },
  async cut(storage: Storage, name: string): Promise<void> {
    const bytes = Uint8Array.from(await storage.get(name, {}, signal))
    await storage.put(name, bytes.subarray(0, random.below(bytes.length)), { whenPresent: 'replace' }, signal)
  },
  async remove(storage: Storage, name: string): Promise<void> {
    await storage.remove(name, signal)
  },
}

/** Fails unless each pack that this process would read for the snapshot is what its name says. */
async function assertRestores(
  repository: Repository,
  folder: TemporaryFolder,
  tree: Id,
  target: string,
): Promise<void> {
  for (const id of await packsNeeded(repository, tree)) {
    assert.equal((await examineObject(repository.storage, packObjectName(id), {}, signal)).state, 'intact')
  }
  // Another process knows only what the indexes say.
  const report = await runRestore({ repository: await reopened(repository), tree, target: folder.at(target) })
  assert.deepEqual(report.problems, [])
  assert.deepEqual(treeDifferences(folder.at('root'), folder.at(target, 'root')), [])
}

for (const [name, damage] of Object.entries(damages)) {
  test(`backUp() with rehash stores again what a pack held that was harmed: ${name}`, async () => {
    await using folder = temporaryFolder('rehash')
    makeSource(folder)
    const repository = await freshRepository()
    const first = await backUpRoot(repository, folder, { packBytes, workers: 2 })
    const packs = [...(await packsNeeded(repository, first.tree))]
    assert.ok(packs.length > 8)
    const holdsTrees = new Map(
      [...repository.index.packs()].map(({ packId, blobs }) => [packId, blobs[0]!.type === 'tree']),
    )
    const [trees, data] = [packs.filter((id) => holdsTrees.get(id)), packs.filter((id) => !holdsTrees.get(id))]
    const harmed = new Set([...trees, data[0]!, data.at(-1)!])
    for (const id of harmed) await damage(repository.storage, packObjectName(id))

    const other = await reopened(repository)
    const report = await backUpRoot(other, folder, full)
    assert.deepEqual(new Set(report.packsWithdrawn), harmed)
    assert.equal(report.tree, first.tree)
    assert.deepEqual(report.gaps, [])
    // Packs of trees that could not be used were withdrawn before; all others were read.
    assert.ok(report.packsRehashed.packs >= data.length && report.packsRehashed.packs <= packs.length)
    await assertRestores(other, folder, report.tree, 'back')

    // Once what is harmed is out of the way, nothing is missing, and nothing is stored a third time.
    for (const id of harmed) await repository.storage.remove(packObjectName(id), signal)
    const again = await reopened(repository)
    const third = await backUpRoot(again, folder, full)
    assert.equal(third.tree, first.tree)
    assert.equal(third.summary.data_blobs + third.summary.tree_blobs, 0)
    await assertRestores(again, folder, third.tree, 'again')
  })
}

test('backUp() with rehash reads each pack that it relies on once, and none that it stored itself', async () => {
  await using folder = temporaryFolder('rehash')
  makeSource(folder)
  const inside = memoryStorage()
  const gets = new Map<string, number>()
  const before = async ({ verb, objectName }: { verb: string; objectName: string }): Promise<void> => {
    if (verb === 'get' && objectName.startsWith('data/')) gets.set(objectName, (gets.get(objectName) ?? 0) + 1)
  }
  const repository = await freshRepository({ storage: faultStorage(inside, { before }) })
  const first = await backUpRoot(repository, folder, full)
  assert.deepEqual(first.packsRehashed, { packs: 0, bytes: 0 })
  const packs = await packsNeeded(repository, first.tree)
  // Something that the snapshot does not need.
  writeFileSync(folder.at('alone'), random.bytes(10_000))
  await backUpPaths(repository, ['alone'], { workingDirectory: folder.path, packBytes })
  writeFileSync(folder.at('root', 'd0', 'new'), random.bytes(50_000))
  gets.clear()
  const report = await backUpRoot(repository, folder, full)
  assert.deepEqual(report.packsWithdrawn, [])
  const needed = [...(await packsNeeded(repository, report.tree))].filter((id) => packs.has(id))
  assert.equal(report.packsRehashed.packs, needed.length)
  let bytes = 0
  for (const id of needed) bytes += (await inside.size(packObjectName(id), signal)) ?? 0
  assert.equal(report.packsRehashed.bytes, bytes)
  await assertSound(repository)
})

test('backUp() with rehash gives attachments back that were lost, and asks for them once', async () => {
  await using folder = temporaryFolder('rehash')
  makeSource(folder)
  const repository = await freshRepository()
  let asked = 0
  const attach: NonNullable<BackupChanges['attach']> = async () => {
    asked++
    return [{ name: 'manifest.json', content: Buffer.from('the same each time') }]
  }
  const first = await backUpRoot(repository, folder, { ...full, attach })
  const root = repository.index.location(repository.index.find(first.tree, 'tree')).packId
  await damages.flip(repository.storage, packObjectName(root))
  const other = await reopened(repository)
  const report = await backUpRoot(other, folder, { ...full, attach })
  assert.deepEqual(report.packsWithdrawn, [root])
  assert.equal(report.tree, first.tree)
  assert.equal(asked, 2)
  await assertRestores(other, folder, report.tree, 'back')
})

test('backUp() with rehash takes another sound copy where there is one, and does not store it again', async () => {
  await using folder = temporaryFolder('rehash')
  makeSource(folder)
  const repository = await freshRepository()
  const first = await backUpRoot(repository, folder, { packBytes })
  const [pack] = await packsNeeded(repository, first.tree)
  await damages.flip(repository.storage, packObjectName(pack!))
  await backUpRoot(await reopened(repository), folder, full)
  const third = await backUpRoot(await reopened(repository), folder, full)
  assert.equal(third.summary.data_blobs + third.summary.tree_blobs, 0)
  assert.equal(third.tree, first.tree)
})

test('backUp() with rehash fails where the storage fails, and makes no snapshot', async () => {
  await using folder = temporaryFolder('rehash')
  makeSource(folder)
  const repository = await freshRepository()
  await backUpRoot(repository, folder, { packBytes })
  const failing = faultStorage(repository.storage, {
    before: async ({ verb, objectName }) => {
      if (verb === 'get' && objectName.startsWith('data/')) throw new Failure('storage_unreachable', 'gone')
    },
  })
  const other = await reopened(repository, failing)
  await assert.rejects(backUpRoot(other, folder, { ...full, parent: 'none' }), (error) =>
    isFailure(error, 'storage_unreachable'),
  )
  assert.equal((await repository.listSnapshots(signal)).length, 1)
})
