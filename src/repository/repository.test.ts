import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { neverStopped } from '../base/abort.ts'
import { isFailure } from '../base/failure.ts'
import { memoryStorage } from '../storage/memory/memory-storage.ts'
import type { Storage } from '../storage/storage.ts'
import { freshRepository, storePack } from '../../testing/fresh-repository.ts'
import { packObjectName } from './object-kind.ts'
import { openRepository } from './open-repository.ts'
import type { Repository } from './repository.ts'
import { encodeTree } from './tree-json.ts'

const signal = neverStopped()
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

async function reopened(repository: Repository): Promise<Repository> {
  const { storage, key, random } = repository
  const again = await openRepository({ storage, masterKey: key, random }, signal)
  await again.loadIndex(signal)
  return again
}

async function damage(repository: Repository, objectName: string, at: number): Promise<void> {
  const bytes = Uint8Array.from(await repository.storage.get(objectName, {}, signal))
  bytes[at]! ^= 1
  await repository.storage.put(objectName, bytes, { whenPresent: 'replace' }, signal)
}

for (const version of [1, 2] as const) {
  test(`Repository reads in format ${version} what it stored, after it was opened again`, async () => {
    const repository = await freshRepository({ version })
    const contents = [Buffer.from('one'), Buffer.alloc(0), randomBytes(100_000)]
    const tree = encodeTree([])
    const data = await storePack(repository, contents)
    const trees = await storePack(repository, [tree], 'tree')
    await repository.saveIndex([data, trees], signal)
    const again = await reopened(repository)
    for (const content of contents) {
      const loaded = await again.loadBlob(hash('sha256', content), 'data', signal)
      assert.equal(Buffer.compare(loaded, content), 0)
    }
    assert.deepEqual(await again.loadTree(hash('sha256', tree), signal), { nodes: [] })
    assert.deepEqual(again.gearKey, repository.gearKey)
    assert.equal(again.config.id, repository.config.id)
    const objects = (await Array.fromAsync(again.list('data', signal))).map(({ id }) => id)
    assert.deepEqual(objects.sort(), [data.id, trees.id].sort())
  })
}

test('Repository.loadPackHeader() reads the header of small and of large packs', async () => {
  const repository = await freshRepository()
  for (const count of [1, 2, 40]) {
    const { id, blobs } = await storePack(
      repository,
      Array.from({ length: count }, (_, number) => Buffer.from(`${count} ${number}`)),
    )
    const size = await repository.storage.size(packObjectName(id), signal)
    assert.deepEqual(await repository.loadPackHeader(id, size!, signal), blobs)
    await damage(repository, packObjectName(id), size! - 10)
    await assert.rejects(repository.loadPackHeader(id, size!, signal), (error) =>
      isFailure(error, 'repository_damaged'),
    )
  }
})

test('Repository.loadBlob() falls back to another copy, and names the pack when there is none', async () => {
  const repository = await freshRepository()
  const content = Buffer.from('twice')
  const first = await storePack(repository, [content])
  const second = await storePack(repository, [content, Buffer.from('else')])
  await repository.saveIndex([first, second], signal)
  const again = await reopened(repository)
  const id = hash('sha256', content)
  await damage(repository, packObjectName(first.id), 20)
  assert.equal(text(await again.loadBlob(id, 'data', signal)), 'twice')
  await repository.remove('data', second.id, signal)
  await assert.rejects(again.loadBlob(id, 'data', signal), (error) => isFailure(error, 'repository_damaged'))
  await assert.rejects(again.loadBlob(id, 'tree', signal), (error) => isFailure(error, 'object_missing'))
  const [location] = again.index.locations(id, 'data').filter(({ packId }) => packId === first.id)
  await assert.rejects(
    again.loadBlobAt(location!, signal),
    (error) => isFailure(error, 'repository_damaged') && error.message.includes(first.id),
  )
})

test('Repository.loadIndex() fails on a damaged index, or passes over it and tells', async () => {
  const repository = await freshRepository()
  const first = await storePack(repository, [Buffer.from('first')])
  const second = await storePack(repository, [Buffer.from('second')])
  const [firstIndex] = await repository.saveIndex([first], signal)
  const [secondIndex] = await repository.saveIndex([second], signal)
  assert.deepEqual(repository.indexIds, [firstIndex, secondIndex])
  await damage(repository, `index/${firstIndex}`, 5)
  await assert.rejects(repository.loadIndex(signal), (error) => isFailure(error, 'repository_damaged'))
  const damaged: string[] = []
  const read: number[] = []
  await repository.loadIndex(signal, {
    onDamaged: (id) => damaged.push(id),
    onRead: ({ done, total }) => read.push(done * 10 + total),
  })
  assert.deepEqual(damaged, [firstIndex])
  assert.deepEqual(read, [12, 22])
  assert.equal(repository.index.totals().dataBlobs, 1)
})

test('Repository.saveIndex() makes several objects of many blobs, and none of no packs', async () => {
  const repository = await freshRepository()
  const blobs = Array.from({ length: 20_000 }, (_, number) => ({
    id: hash('sha256', `${number}`),
    type: 'data' as const,
    offset: number * 40,
    length: 40,
    uncompressedLength: undefined,
  }))
  const packs = Array.from({ length: 4 }, (_, number) => ({ id: hash('sha256', `pack ${number}`), blobs }))
  assert.equal((await repository.saveIndex(packs, signal)).length, 2)
  assert.deepEqual(await repository.saveIndex([], signal), [])
  await repository.loadIndex(signal)
  assert.equal(repository.index.packCount, 4)
  assert.equal(repository.index.totals().dataBlobs, 20_000)
  assert.equal([...repository.index.copies()].length, 60_000)
})

test('Repository.listSnapshots() answers them oldest first, and tells of damaged ones', async () => {
  const repository = await freshRepository()
  const tree = hash('sha256', 'tree')
  const times = ['2026-03-01T10:00:00+02:00', '2026-03-01T09:00:00Z', '2026-03-01T08:30:00.5Z']
  const ids = []
  for (const time of times) ids.push(await repository.saveSnapshot({ time, tree, paths: ['/a'] }, signal))
  const listed = await repository.listSnapshots(signal)
  assert.deepEqual(
    listed.map(({ time }) => time),
    [times[0], times[2], times[1]],
  )
  assert.deepEqual(listed[0], { id: ids[0], time: times[0], tree, paths: ['/a'] })
  await damage(repository, `snapshots/${ids[1]}`, 30)
  await assert.rejects(repository.listSnapshots(signal), (error) => isFailure(error, 'repository_damaged'))
  const damaged: string[] = []
  assert.equal((await repository.listSnapshots(signal, { onDamaged: (id) => damaged.push(id) })).length, 2)
  assert.deepEqual(damaged, [ids[1]])
})

test('Repository.loadRaw() reads once more before it calls an object damaged', async () => {
  const inside = memoryStorage()
  let reads = 0
  const flaky: Storage = {
    ...inside,
    get: async (...given) => {
      const bytes = Uint8Array.from(await inside.get(...given))
      if (reads++ === 0) bytes[0]! ^= 1
      return bytes
    },
  }
  const repository = await freshRepository({ storage: flaky })
  const id = await repository.saveUnpacked('snapshots', Buffer.from('{}'), signal)
  assert.equal(hash('sha256', await repository.loadRaw('snapshots', id, signal)), id)
  assert.equal(reads, 2)
})

test('Repository.list() passes over what is not of the layout', async () => {
  const repository = await freshRepository()
  const id = hash('sha256', 'x')
  for (const name of ['data/00/not-an-id', `data/00/${id}`, `snapshots/x${id.slice(1)}`, `snapshots/${id}`]) {
    await repository.storage.put(name, Buffer.from('x'), { whenPresent: 'keep' }, signal)
  }
  assert.deepEqual(await Array.fromAsync(repository.list('data', signal)), [])
  assert.deepEqual(await Array.fromAsync(repository.list('snapshots', signal)), [{ id, size: 1 }])
})
