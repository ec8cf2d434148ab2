import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { Failure, isFailure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import type { Repository } from '../../repository/repository.ts'
import { type CallFilter, faultStorage, type Faults, type StorageCall } from '../../storage/fault-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { openBelow } from '../../../testing/open-below.ts'
import { runRestore } from '../../../testing/run-restore.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { mountSmallDisk, noSmallDisk } from '../../../testing/small-disk.ts'
import { node, SnapshotBuilder } from '../../../testing/snapshot-builder.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { treeDifferences } from '../../../testing/tree-differences.ts'

const mib = 1024 * 1024

interface Sample {
  readonly repository: Repository
  readonly tree: Id
  /** What happens to the calls of the storage from now on. */
  readonly faults: { now: Faults }
}

/** Some of everything, in many packs. */
async function sample(seed: string): Promise<Sample> {
  const random = seededRandom(seed)
  const faults: Sample['faults'] = { now: {} }
  const storage = faultStorage(memoryStorage(), {
    before: async (call, count) => faults.now.before?.(call, count),
    after: async (call, count) => faults.now.after?.(call, count),
  })
  const repository = await freshRepository({ storage })
  const builder = new SnapshotBuilder(repository)
  const parts = [random.bytes(mib), random.bytes(2 * mib), Buffer.alloc(mib), random.bytes(100_000)]
  const directories = Array.from({ length: 4 }, (_, number) => {
    const files = Array.from({ length: 10 }, (_one, at) => builder.file(`f${at}`, [random.bytes(5000 + at)]))
    builder.endPack()
    return builder.directory(`d${number}`, [
      ...files,
      builder.file('linked', ['linked'], { links: 4, inode: 1 }),
      builder.file('parts', [...parts.slice(number % 4), ...parts.slice(0, number % 4)]),
      builder.symlink('symlink', '../anywhere'),
    ])
  })
  const tree = builder.tree([...directories, node('fifo', 'fifo', 0o600)])
  await builder.end()
  return { repository, tree, faults }
}

const readOfContent: CallFilter = ({ verb, objectName }) => verb === 'get' && objectName.startsWith('data/')

test('restore() fails as its storage does, at any call, and the next run completes it', async (context) => {
  await using folder = temporaryFolder('trouble')
  const { repository, tree, faults } = await sample('faults')
  await runRestore({ repository, tree, target: folder.at('wanted') })
  for (const when of ['before', 'after'] as const) {
    let call = 0
    for (let isFailing = true; isFailing; call += when === 'before' ? 3 : 7) {
      let seen = 0
      const fault = ({ objectName }: StorageCall): void => {
        if (seen++ === call) throw new Failure('storage_unreachable', `Cannot read "${objectName}": on purpose`)
      }
      faults.now = { [when]: fault }
      const target = folder.at(`${when} ${call}`)
      try {
        await runRestore({ repository, tree, target, workers: 2 })
        isFailing = false
      } catch (error) {
        assert.ok(isFailure(error, 'storage_unreachable'), String(error))
      }
      assert.deepEqual(openBelow(folder.path), [])
      faults.now = {}
      const report = await runRestore({ repository, tree, target, workers: 2 })
      assert.deepEqual(report.problems, [])
      const differences = treeDifferences(folder.at('wanted'), target)
      assert.deepEqual(
        differences.filter((line) => !line.startsWith('.:')),
        [],
      )
      rmSync(target, { recursive: true })
    }
    context.diagnostic(`${when}: ${call} calls`)
  }
})

test('restore() that is stopped at any moment ends soon with "stopped", and the next run completes it', async (context) => {
  await using folder = temporaryFolder('trouble')
  const { repository, tree, faults } = await sample('stops')
  await runRestore({ repository, tree, target: folder.at('wanted') })
  const seed = `stops ${process.pid}`
  context.diagnostic(`seed: ${seed}`)
  const random = seededRandom(seed)
  for (const overwrite of ['always', 'if-changed'] as const) {
    for (let round = 0; round < 3; round++) {
      const controller = new AbortController()
      const after = random.below(12)
      const delayMs = random.below(8)
      let seen = 0
      faults.now = {
        before: (call) => {
          if (readOfContent(call) && seen++ === after) setTimeout(() => controller.abort(), delayMs)
        },
      }
      const target = folder.at(`${overwrite} ${round}`)
      try {
        await runRestore({ repository, tree, target, workers: 2, overwrite }, controller.signal)
      } catch (error) {
        assert.ok(isFailure(error, 'stopped'), String(error))
      }
      assert.deepEqual(openBelow(folder.path), [])
      faults.now = {}
      const report = await runRestore({ repository, tree, target, workers: 2, overwrite, verify: true })
      assert.deepEqual(report.problems, [])
      const differences = treeDifferences(folder.at('wanted'), target)
      assert.deepEqual(
        differences.filter((line) => !line.startsWith('.:')),
        [],
      )
      rmSync(target, { recursive: true })
    }
  }
})

test('restore() does nothing where it is stopped before it begins', async () => {
  await using folder = temporaryFolder('trouble')
  const { repository, tree } = await sample('early')
  const target = folder.at('target')
  await assert.rejects(runRestore({ repository, tree, target }, AbortSignal.abort()), (error) =>
    isFailure(error, 'stopped'),
  )
})

test('restore() into a target that fills up fails once and clearly, and goes on where there is room', {
  skip: noSmallDisk,
}, async () => {
  await using folder = temporaryFolder('trouble')
  const { repository, tree } = await sample('full')
  const target = folder.at('small')
  using disk = mountSmallDisk(target, 6)
  await assert.rejects(runRestore({ repository, tree, target, workers: 2, sparse: false }), (error) => {
    assert.ok(isFailure(error, 'target_failed'), String(error))
    assert.equal(error.facts['code'], 'ENOSPC')
    assert.match(String(error.facts['hint']), /goes on/)
    return true
  })
  assert.deepEqual(openBelow(target), [])
  disk.grow(64)
  const report = await runRestore({ repository, tree, target, workers: 2, verify: true })
  assert.deepEqual(report.problems, [])
  assert.ok(report.bytesWritten < report.bytes, 'what fitted was kept')
})

test('restore() into a target without room for more entries fails once and clearly', {
  skip: noSmallDisk,
}, async () => {
  await using folder = temporaryFolder('trouble')
  const { repository, tree } = await sample('inodes')
  using _disk = mountSmallDisk(folder.at('small'), 6, ['nr_inodes=20'])
  await assert.rejects(runRestore({ repository, tree, target: folder.at('small') }), (error) => {
    assert.ok(isFailure(error, 'target_failed'), String(error))
    assert.equal(error.facts['code'], 'ENOSPC')
    return true
  })
})

test('restore() into a target that is read-only fails once and clearly', { skip: noSmallDisk }, async () => {
  await using folder = temporaryFolder('trouble')
  const { repository, tree } = await sample('read-only')
  using _disk = mountSmallDisk(folder.at('small'), 6, ['ro'])
  await assert.rejects(runRestore({ repository, tree, target: folder.at('small') }), (error) => {
    assert.ok(isFailure(error, 'target_failed'), String(error))
    assert.equal(error.facts['code'], 'EROFS')
    return true
  })
})

test('restore() fails clearly where its target is no directory', async () => {
  await using folder = temporaryFolder('trouble')
  const { repository, tree } = await sample('no directory')
  writeFileSync(folder.at('file'), 'of the user')
  for (const target of [folder.at('file'), folder.at('file/below')]) {
    await assert.rejects(runRestore({ repository, tree, target }), (error) => isFailure(error, 'target_failed'))
  }
  assert.equal(readFileSync(folder.at('file'), 'utf8'), 'of the user')
})
