import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { closeSync, mkdirSync, openSync, unlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { chunkBytesMax, KernelMemory } from '../../kernels/kernel-memory.ts'
import type { Repository } from '../../repository/repository.ts'
import { faultStorage } from '../../storage/fault-storage.ts'
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
import type { BackupReport } from './back-up.ts'
import type { ChunkStore } from './chunk-store.ts'
import { storeContent } from './store-content.ts'

const signal = neverStopped()
const random = seededRandom('back up, large')
const megabyte = 1024 * 1024

async function backUpRoot(
  repository: Repository,
  folder: TemporaryFolder,
  changes: BackupChanges = {},
): Promise<BackupReport> {
  return await backUpPaths(repository, ['root'], { workingDirectory: folder.path, ...changes })
}

/** The ids of a file's chunks, as one worker alone finds them. */
function contentIds(repository: Repository, path: string): readonly string[] {
  const memory = new KernelMemory({ regionBytes: chunkBytesMax + 2 * megabyte })
  memory.setGearKey(repository.gearKey)
  const store = { store: (_type: string, bytes: Uint8Array) => hash('sha256', bytes) } as unknown as ChunkStore
  const fd = openSync(path, 'r')
  try {
    return storeContent(fd, -1, { memory, start: memory.start, end: memory.end }, store).ids
  } finally {
    closeSync(fd)
  }
}

test('backUp() of a file of 32 MiB or more stores what one worker would, with all workers at once', async () => {
  await using folder = temporaryFolder('back-up-large')
  mkdirSync(folder.at('root'))
  const path = folder.at('root', 'large')
  const parts = [random.bytes(40 * megabyte), Buffer.alloc(20 * megabyte), random.bytes(10 * megabyte + 1)]
  writeFileSync(path, Buffer.concat(parts))
  writeFileSync(folder.at('root', 'just'), random.bytes(32 * megabyte))
  // A worker has two packs of data under way at most: a third comes from another one, and until then none is stored.
  const inside = await freshRepository()
  const three = Promise.withResolvers<void>()
  let waiting = 0
  const before = async ({ verb }: { verb: string }): Promise<void> => {
    if (verb !== 'put') return
    if (++waiting === 3) three.resolve()
    await three.promise
  }
  const held = await reopened(inside, faultStorage(inside.storage, { before }))
  const report = await backUpRoot(held, folder, { workers: 2, packBytes: 2 * megabyte })
  assert.deepEqual(report.gaps, [])
  const entries = await storedEntries(await reopened(inside), report.tree)
  for (const name of ['large', 'just']) {
    assert.deepEqual(entries.get(`root/${name}`)!.node.content, contentIds(inside, folder.at('root', name)))
  }
  assert.equal(entries.get('root/large')!.content, hash('sha256', Buffer.concat(parts)))
  assert.equal(report.summary.total_bytes_processed, 102 * megabyte + 1)
  assert.equal(report.summary.files_new, 2)
  await assertSound(inside)

  const second = await backUpRoot(await reopened(inside), folder)
  assert.equal(second.tree, report.tree)
  assert.deepEqual(itemCounts(second.summary).files, [0, 0, 2])
  const full = await backUpRoot(await reopened(inside), folder, { read: 'all', workers: 2 })
  assert.equal(full.tree, report.tree)
  assert.deepEqual(itemCounts(full.summary).files, [0, 0, 2])
  assert.equal(full.summary.data_added, 0)
})

test('backUp() takes a directory of 20,000 entries, whose tree needs a pack of its own', async () => {
  await using folder = temporaryFolder('back-up-large')
  mkdirSync(folder.at('root', 'wide'), { recursive: true })
  const tail = 'x'.repeat(200)
  const count = 20_000
  for (let at = 0; at < count; at++)
    writeFileSync(folder.at('root', 'wide', `${at}-${tail}`), at % 50 === 0 ? `${at}` : '')
  // In format 1 trees are not compressed: this one has 12 MiB, and a slot for packs so small has 10.
  const repository = await freshRepository({ version: 1 })
  const options = { packBytes: 64 * 1024, workers: 2 }
  const report = await backUpRoot(repository, folder, options)
  assert.deepEqual(itemCounts(report.summary), { files: [count, 0, 0], dirs: [2, 0, 0] })
  const tree = await repository.loadTree(report.tree, signal)
  const wide = await repository.loadTree(
    (await repository.loadTree(tree.nodes[0]!.subtree!, signal)).nodes[0]!.subtree!,
    signal,
  )
  assert.equal(wide.nodes.length, count)
  assert.equal(wide.nodes.filter(({ content }) => content!.length === 1).length, count / 50)
  await assertSound(repository)

  const second = await backUpRoot(await reopened(repository), folder, options)
  assert.equal(second.tree, report.tree)
  assert.equal(second.summary.data_added, 0)
  unlinkSync(folder.at('root', 'wide', `19999-${tail}`))
  writeFileSync(folder.at('root', 'wide', 'added'), 'x')
  const third = await backUpRoot(await reopened(repository), folder, options)
  assert.deepEqual(itemCounts(third.summary), { files: [1, 0, count - 1], dirs: [0, 2, 0] })
  assert.equal(third.summary.tree_blobs, 3)
})

test('backUp() goes 500 directories deep, past what a path may have', async () => {
  await using folder = temporaryFolder('back-up-large')
  mkdirSync(folder.at('root'))
  const name = 'directory-of-many'
  const script =
    'for (let at = 0; at < 500; at++) { fs.mkdirSync(name); process.chdir(name) } fs.writeFileSync("file", "deep")'
  execFileSync(process.execPath, ['-e', `const name = "${name}"; ${script}`], { cwd: folder.at('root') })
  // Node itself does not reach so deep.
  await using _deep = { [Symbol.asyncDispose]: async () => void execFileSync('rm', ['-r', folder.at('root')]) }
  const repository = await freshRepository()
  const report = await backUpRoot(repository, folder, { workers: 2 })
  assert.deepEqual(report.gaps, [])
  assert.deepEqual(itemCounts(report.summary), { files: [1, 0, 0], dirs: [501, 0, 0] })
  const entries = await storedEntries(repository, report.tree)
  assert.equal(entries.get(`root/${`${name}/`.repeat(500)}file`)?.content, hash('sha256', 'deep'))
  const second = await backUpRoot(await reopened(repository), folder)
  assert.equal(second.tree, report.tree)
  assert.deepEqual(itemCounts(second.summary), { files: [0, 0, 1], dirs: [0, 0, 501] })
})

test('backUp() takes many small directories and files with several workers, and finds them unchanged', async () => {
  await using folder = temporaryFolder('back-up-large')
  for (let at = 0; at < 300; at++) {
    mkdirSync(folder.at('root', `${at % 17}`, `${at}`), { recursive: true })
    for (const name of ['a', 'b', 'c']) writeFileSync(folder.at('root', `${at % 17}`, `${at}`, name), random.bytes(50))
  }
  const repository = await freshRepository()
  const report = await backUpRoot(repository, folder, { workers: 3, packBytes: 10_000 })
  assert.deepEqual(itemCounts(report.summary), { files: [900, 0, 0], dirs: [318, 0, 0] })
  assert.equal((await storedEntries(await reopened(repository), report.tree)).size, 1 + 17 + 300 + 900)
  const second = await backUpRoot(await reopened(repository), folder, { workers: 3 })
  assert.equal(second.tree, report.tree)
  assert.equal(second.summary.data_added, 0)
  await assertSound(repository)
})

test('backUp() in chunks of a fixed size stores again only those that changed, of large files and small ones', async () => {
  await using folder = temporaryFolder('back-up-large')
  mkdirSync(folder.at('root'))
  const chunkBytes = 64 * 1024
  const contents = { large: random.bytes(33 * megabyte + 7), small: random.bytes(megabyte + 1), odd: random.bytes(9) }
  for (const [name, content] of Object.entries(contents)) writeFileSync(folder.at('root', name), content)
  const repository = await freshRepository()
  const changes = { chunking: { kind: 'fixed', bytes: chunkBytes }, workers: 2 } as const
  await backUpRoot(repository, folder, changes)
  for (const [at, name] of (['large', 'small'] as const).entries()) {
    contents[name][(at + 2) * chunkBytes] = contents[name][(at + 2) * chunkBytes]! ^ 1
    writeFileSync(folder.at('root', name), contents[name])
  }
  const report = await backUpRoot(repository, folder, changes)
  assert.equal(report.summary.data_blobs, 2)
  assert.ok(report.summary.data_added < 3 * chunkBytes)
  const entries = await storedEntries(repository, report.tree)
  for (const [name, content] of Object.entries(contents)) {
    const stored = entries.get(`root/${name}`)!
    assert.equal(stored.content, hash('sha256', content))
    assert.equal(stored.node.content?.length, Math.ceil(content.length / chunkBytes))
  }
  await assert.rejects(
    backUpRoot(repository, folder, { chunking: { kind: 'fixed', bytes: 1000 } }),
    (error) => isFailure(error, 'defect') && error.message.includes('1000'),
  )
  await assertSound(repository)
})
