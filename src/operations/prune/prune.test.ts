import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import { Repository } from '../../repository/repository.ts'
import { faultStorage } from '../../storage/fault-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import type { Storage } from '../../storage/storage.ts'
import { freshRepository, storePack } from '../../../testing/fresh-repository.ts'
import { storeSnapshot, type SampleTree } from '../../../testing/sample-repository.ts'
import { seededRandom, type SeededRandom } from '../../../testing/seeded-random.ts'
import { check } from '../check/check.ts'
import { executeForget } from '../forget/forget.ts'
import { noProgress } from '../progress.ts'
import { walkTrees } from '../walk-trees.ts'
import { prune } from './prune.ts'
import { pruneDefaults, type PruneOptions } from './prune-options.ts'

const signal = neverStopped()
const seed = `prune ${randomBytes(4).toString('hex')}`
const context = { progress: noProgress }
const everything: PruneOptions = { ...pruneDefaults, unusedLimit: { bytes: 0 } }

function randomTree(random: SeededRandom, pool: readonly Buffer[]): SampleTree {
  const file = (): readonly Buffer[] => Array.from({ length: random.below(4) }, () => random.pick(pool))
  return {
    one: file(),
    two: { three: file(), four: file(), five: { six: file() } },
    [`name ${random.below(5)}`]: file(),
  }
}

/** Five snapshots that share some of their content; the first three are forgotten. */
async function sample(
  random: SeededRandom,
  options: { version?: 1 | 2; compression?: 'on' | 'off' } = {},
): Promise<Repository> {
  const { version = 2, compression = 'on' } = options
  const repository = await freshRepository({ version })
  const pool = Array.from({ length: 25 }, () => random.bytes(1 + random.below(3000)))
  const ids: Id[] = []
  for (let day = 1; day <= 5; day++) {
    const time = `2026-01-0${day}T00:00:00Z`
    ids.push(
      await storeSnapshot(repository, randomTree(random, pool), {
        time,
        compression,
        blobsPerPack: 1 + random.below(6),
      }),
    )
  }
  await executeForget({ remove: ids.slice(0, 3) }, repository, context, signal)
  return repository
}

/** The same repository on another storage. */
function on({ config, key, keyId, random }: Repository, storage: Storage): Repository {
  return new Repository({ storage, config, key, keyId, random })
}

async function copyOf(storage: Storage): Promise<Storage> {
  const copy = memoryStorage('copy')
  for await (const { objectName } of storage.list('', signal))
    await copy.put(objectName, await storage.get(objectName, {}, signal), { whenPresent: 'keep' }, signal)
  return copy
}

/** Fails unless both checks pass and every blob of every snapshot can be read. */
async function assertSound(
  repository: Repository,
  told: string,
): Promise<{ readonly unusedBlobs: number; readonly hints: number }> {
  const report = await check(
    { repository, read: 'none', workers: 1 },
    { ...context, random: (count) => randomBytes(count) },
    signal,
  )
  assert.deepEqual(report.faults, [], told)
  const snapshots = await repository.listSnapshots(signal)
  assert.equal(snapshots.length, 2, told)
  const content: Id[] = []
  const onTree = (
    _id: Id,
    { nodes }: { readonly nodes: readonly { readonly content: readonly Id[] | null }[] },
  ): void => {
    for (const node of nodes) content.push(...(node.content ?? []))
  }
  await walkTrees(
    repository,
    snapshots.map(({ tree }) => tree),
    { onTree },
    signal,
  )
  for (const id of content) await repository.loadBlob(id, 'data', signal)
  return { unusedBlobs: report.counts.unusedBlobs, hints: report.hints.length }
}

for (const [version, compression] of [
  [1, 'off'],
  [2, 'on'],
  [2, 'off'],
] as const) {
  test(`prune() leaves exactly what the snapshots use, in format ${version}, compression ${compression}`, async () => {
    for (let round = 0; round < 10; round++) {
      const told = `${seed}, round ${round}`
      const repository = await sample(seededRandom(told), { version, compression })
      await storePack(repository, [Buffer.from('named by no index')])
      const { plan } = await prune({ repository, options: everything }, { ...context, packBytes: 5000 }, signal)
      assert.equal(plan.removeFirst.length, 1)
      assert.deepEqual(await assertSound(repository, told), { unusedBlobs: 0, hints: 0 }, told)
      assert.equal(
        repository.index.totals().dataBlobs + repository.index.totals().treeBlobs,
        plan.statistics.blobs.remaining,
        told,
      )
      for (const entry of repository.index.entries()) {
        const isTree = repository.index.type(entry) === 'tree'
        if (version === 2 && isTree) assert.notEqual(repository.index.uncompressedLength(entry), undefined)
      }
    }
  })
}

test('prune() leaves a sound repository wherever it is cut off, and the next one finishes', {
  timeout: 60_000,
}, async () => {
  const original = await sample(seededRandom(seed))
  let fails = 0
  for (let step = 1; step < 200; step++) {
    for (const when of ['before', 'after'] as const) {
      const storage = await copyOf(original.storage)
      let left = step
      const cut = ({ verb }: { readonly verb: string }): void => {
        if ((verb === 'put' || verb === 'remove') && --left === 0) throw new Error('power cut')
      }
      const flaky = faultStorage(storage, { [when]: cut })
      const outcome = await prune(
        { repository: on(original, flaky), options: everything },
        { ...context, packBytes: 3000 },
        signal,
      ).catch((error: unknown) => error)
      const told = `${seed}, cut off ${when} write ${step}`
      await assertSound(on(original, storage), told)
      if (!(outcome instanceof Error)) {
        assert.ok(fails > 10, 'the loop broke something')
        return
      }
      fails++
      const next = on(original, storage)
      await prune({ repository: next, options: everything }, { ...context, packBytes: 3000 }, signal)
      assert.deepEqual(await assertSound(next, told), { unusedBlobs: 0, hints: 0 }, told)
    }
  }
})

test('prune() as a dry run writes nothing, and takes ignored snapshots as forgotten', async () => {
  const repository = await sample(seededRandom(seed))
  const before = (await Array.fromAsync(repository.storage.list('', signal))).length
  const ignoreSnapshots = new Set((await repository.listSnapshots(signal)).map(({ id }) => id))
  const { plan, report } = await prune(
    { repository, options: everything, dryRun: true, ignoreSnapshots },
    context,
    signal,
  )
  assert.equal(report, undefined)
  assert.equal(plan.statistics.blobs.remaining, 0)
  assert.equal((await Array.fromAsync(repository.storage.list('', signal))).length, before)
})

test('prune() refuses a repository with a damaged snapshot, index, tree or needed blob, and loses nothing', async () => {
  for (const prefix of ['snapshots/', 'index/', 'data/']) {
    const original = await sample(seededRandom(seed))
    let refused = 0
    for await (const { objectName } of original.storage.list(prefix, signal)) {
      const storage = await copyOf(original.storage)
      const bytes = Buffer.from(await storage.get(objectName, {}, signal))
      bytes[24]! ^= 1
      await storage.put(objectName, bytes, { whenPresent: 'replace' }, signal)
      const outcome = await prune({ repository: on(original, storage), options: everything }, context, signal).catch(
        (error: unknown) => error,
      )
      if (isFailure(outcome, 'repository_damaged')) refused++
      else assert.ok(!(outcome instanceof Error), String(outcome)) // The damaged blob was not used, or has not moved.
      await storage.put(
        objectName,
        await original.storage.get(objectName, {}, signal),
        { whenPresent: 'replace' },
        signal,
      )
      await assertSound(on(original, storage), objectName)
    }
    assert.ok(refused > 0, prefix)
  }
})

test('prune() takes another copy of a blob where the chosen one is damaged', async () => {
  const repository = await freshRepository()
  const [shared, other] = [Buffer.from('shared '.repeat(50)), Buffer.from('other '.repeat(50))]
  const keep = await storeSnapshot(repository, { file: [shared] })
  const blob = Array.from(repository.index.packs())
    .flatMap(({ blobs }) => blobs)
    .find(({ type }) => type === 'data')!
  const second = await storePack(repository, [shared, other])
  await repository.saveIndex([second], signal)
  const names = (await Array.fromAsync(repository.list('data', signal))).map(({ id }) => id)
  // Whichever copy is chosen, the pack that has it is damaged in turn.
  for (const damaged of [blob.packId, second.id]) {
    assert.ok(names.includes(damaged))
    const storage = await copyOf(repository.storage)
    const name = `data/${damaged.slice(0, 2)}/${damaged}`
    const bytes = Buffer.from(await storage.get(name, {}, signal))
    bytes[20]! ^= 1
    await storage.put(name, bytes, { whenPresent: 'replace' }, signal)
    const pruned = on(repository, storage)
    const options: PruneOptions = { ...everything, smallPackBytes: 2 ** 30, uncompressedData: 'compress' }
    await prune({ repository: pruned, options }, context, signal)
    const [snapshot] = await pruned.listSnapshots(signal)
    assert.equal(snapshot!.id, keep)
    if (damaged === second.id) assert.deepEqual(Buffer.from(await pruned.loadBlob(blob.id, 'data', signal)), shared)
  }
})
