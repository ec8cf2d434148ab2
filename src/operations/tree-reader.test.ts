import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../base/abort.ts'
import { isFailure } from '../base/failure.ts'
import type { Id } from '../model/id.ts'
import { packObjectName } from '../repository/object-kind.ts'
import type { Repository } from '../repository/repository.ts'
import { cutTo, faultStorage, failOnce, flipBit, type Faults } from '../storage/fault-storage.ts'
import { memoryStorage } from '../storage/memory/memory-storage.ts'
import { freshRepository } from '../../testing/fresh-repository.ts'
import { SnapshotBuilder } from '../../testing/snapshot-builder.ts'
import { TreeReader } from './tree-reader.ts'

const signal = neverStopped()

interface Sample {
  readonly repository: Repository
  /** Trees, each of two in a pack. */
  readonly trees: readonly Id[]
  readonly reads: string[]
  /** What happens to calls. */
  readonly faults: { now: Faults }
}

async function sample(count: number, padding = ''): Promise<Sample> {
  const reads: string[] = []
  const faults: Sample['faults'] = { now: {} }
  const storage = faultStorage(memoryStorage(), {
    before: async (call, number) => {
      if (call.verb === 'get' && call.objectName.startsWith('data/')) reads.push(call.objectName)
      await faults.now.before?.(call, number)
    },
    changeRead: (bytes, call) => faults.now.changeRead?.(bytes, call) ?? bytes,
  })
  const repository = await freshRepository({ storage })
  const builder = new SnapshotBuilder(repository)
  const trees: Id[] = []
  for (let number = 0; number < count; number++) {
    trees.push(builder.tree([builder.symlink(`link ${number}`, padding)]))
    if (number % 2 === 1) builder.endPack()
  }
  await builder.end()
  return { repository, trees, reads, faults }
}

async function nameIn(reader: TreeReader, id: Id): Promise<string | undefined> {
  return (await reader.tree(id, signal)).nodes[0]?.name
}

test('TreeReader reads a pack once for all of its trees, also when they are asked for at the same time', async () => {
  const { repository, trees, reads } = await sample(4)
  const reader = new TreeReader(repository)
  assert.deepEqual(await Promise.all(trees.map((id) => nameIn(reader, id))), ['link 0', 'link 1', 'link 2', 'link 3'])
  assert.equal(reads.length, 2)
  assert.equal(await nameIn(reader, trees[0]!), 'link 0')
  assert.equal(reads.length, 2)
})

test('TreeReader lets go of packs that were not used for long, also when many are read at the same time', async () => {
  // Packs of some 24 MB: two of them are kept.
  const { repository, trees, reads } = await sample(10, 'x'.repeat(12_000_000))
  const reader = new TreeReader(repository)
  const names = await Promise.all(trees.map((id) => nameIn(reader, id)))
  assert.deepEqual(
    names,
    trees.map((_, number) => `link ${number}`),
  )
  assert.equal(reads.length, 5)
  await nameIn(reader, trees.at(-1)!)
  assert.equal(reads.length, 5)
  await nameIn(reader, trees[0]!)
  assert.equal(reads.length, 6)
})

test('TreeReader.tree() reads a damaged tree once more by itself, and fails where that is damaged too', async () => {
  const { repository, trees, faults } = await sample(2)
  let isFirst = true
  faults.now = {
    changeRead: (bytes, call) => {
      const changed = isFirst ? cutTo(40)(bytes, call) : bytes
      isFirst = false
      return changed
    },
  }
  assert.equal(await nameIn(new TreeReader(repository), trees[0]!), 'link 0')
  faults.now = { changeRead: flipBit(400) }
  await assert.rejects(nameIn(new TreeReader(repository), trees[0]!), (error) => isFailure(error, 'repository_damaged'))
})

test('TreeReader.tree() fails where the pack is gone, and reads it once it is there again', async () => {
  const { repository, trees } = await sample(2)
  const { packId } = repository.index.location(repository.index.find(trees[0]!, 'tree'))
  const name = packObjectName(packId)
  const bytes = Uint8Array.from(await repository.storage.get(name, {}, signal))
  await repository.storage.remove(name, signal)
  const reader = new TreeReader(repository)
  await assert.rejects(nameIn(reader, trees[0]!), (error) => isFailure(error, 'object_missing'))
  await repository.storage.put(name, bytes, { whenPresent: 'keep' }, signal)
  assert.equal(await nameIn(reader, trees[0]!), 'link 0')
})

test('TreeReader.tree() passes on what is wrong with the storage', async () => {
  const { repository, trees, faults } = await sample(2)
  faults.now = { before: failOnce('storage_unreachable', ({ verb }) => verb === 'get') }
  const reader = new TreeReader(repository)
  await assert.rejects(nameIn(reader, trees[0]!), (error) => isFailure(error, 'storage_unreachable'))
  assert.equal(await nameIn(reader, trees[0]!), 'link 0')
})
