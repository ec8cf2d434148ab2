import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import test from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { packObjectName } from '../../repository/object-kind.ts'
import { Repository } from '../../repository/repository.ts'
import { faultStorage } from '../../storage/fault-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import type { Storage } from '../../storage/storage.ts'
import { freshRepository, storePack } from '../../../testing/fresh-repository.ts'
import { storeSnapshot, type SampleTree } from '../../../testing/sample-repository.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { configProof } from '../heal/config-proof.ts'
import { heal } from '../heal/heal.ts'
import { mirror } from '../mirror/mirror.ts'
import { noProgress } from '../progress.ts'
import { check, type CheckRequest } from './check.ts'
import { Findings, type CheckReport } from './check-report.ts'
import { readPacks } from './read-packs.ts'

const signal = neverStopped()
const seed = `check ${randomBytes(4).toString('hex')}`
const context = { progress: noProgress, random: (count: number): Uint8Array => randomBytes(count) }

function sampleTree(): SampleTree {
  const random = seededRandom('check sample')
  return {
    docs: {
      'a.txt': [Buffer.from('hello '.repeat(100))],
      empty: [],
      'b.bin': [random.bytes(3000), random.bytes(5000)],
    },
    music: { deep: { 'c.bin': [random.bytes(9000)], 'd.bin': [random.bytes(100), random.bytes(200)] } },
    top: [random.bytes(50)],
  }
}

async function sample(storage: Storage = memoryStorage('here'), version: 1 | 2 = 2): Promise<Repository> {
  const repository = await freshRepository({ storage, version })
  await storeSnapshot(repository, sampleTree(), { blobsPerPack: 3 })
  const more = Buffer.from('only in the second snapshot')
  await storeSnapshot(repository, { ...sampleTree(), more: [more] }, { blobsPerPack: 3, time: '2026-01-03T00:00:00Z' })
  return repository
}

async function run(repository: Repository, more: Partial<CheckRequest> = {}): Promise<CheckReport> {
  return await check({ repository, read: 'none', workers: 2, ...more }, context, signal)
}

function kindsOf(report: CheckReport): string[] {
  return [...new Set(report.faults.map(({ kind }) => kind))].toSorted()
}

async function namesOf(storage: Storage, prefix: string): Promise<string[]> {
  return (await Array.fromAsync(storage.list(prefix, signal))).map(({ objectName }) => objectName).toSorted()
}

for (const version of [1, 2] as const) {
  test(`check() finds nothing wrong with a repository of format ${version} in which nothing is`, async () => {
    const report = await run(await sample(memoryStorage(), version), { read: 'all' })
    assert.deepEqual([report.faults, report.hints, report.omitted], [[], [], 0])
    assert.equal(report.counts.snapshots, 2)
    assert.equal(report.counts.trees, 5)
    assert.equal(report.counts.unusedBlobs, 0)
    assert.equal(report.counts.readPacks, report.counts.packs)
    assert.equal(report.counts.readBytes, report.counts.packBytes)
  })
}

test('check() names a missing pack, a resized one, and one that no index names', async () => {
  const repository = await sample()
  const { storage } = repository
  const [first, second] = await namesOf(storage, 'data/')
  await storage.remove(first!, signal)
  await storage.put(second!, Buffer.from('short'), { whenPresent: 'replace' }, signal)
  await storePack(repository, [Buffer.from('nobody needs this')])
  const report = await run(repository)
  const found = (kind: string): string[] =>
    report.faults.filter((fault) => fault.kind === kind).map((fault) => fault.objectName)
  assert.deepEqual(found('pack_missing'), [first])
  assert.deepEqual(found('pack_resized'), [second])
  assert.deepEqual(
    report.hints.map(({ kind }) => kind),
    ['pack_unindexed'],
  )
})

test('check() names damaged snapshots, indexes, keys and the config, and goes on', async () => {
  for (const [prefix, kind] of [
    ['snapshots/', 'snapshot_damaged'],
    ['index/', 'index_damaged'],
    ['config', 'config_damaged'],
  ] as const) {
    const repository = await sample()
    const [name] = await namesOf(repository.storage, prefix)
    const bytes = Buffer.from(await repository.storage.get(name!, {}, signal))
    bytes[20]! ^= 1
    await repository.storage.put(name!, bytes, { whenPresent: 'replace' }, signal)
    const report = await run(repository)
    assert.deepEqual(
      report.faults.filter((fault) => fault.kind === kind).map((fault) => fault.objectName),
      [name],
    )
  }
  const repository = await sample()
  await repository.storage.put(`keys/${'ab'.repeat(32)}`, Buffer.from('{}'), { whenPresent: 'keep' }, signal)
  assert.deepEqual(kindsOf(await run(repository)), ['key_damaged'])
})

test('check() names blobs that no index knows', async () => {
  const repository = await sample()
  const indexes = await namesOf(repository.storage, 'index/')
  for (const name of indexes) await repository.storage.remove(name, signal)
  const report = await run(repository)
  assert.deepEqual(kindsOf(report), ['blob_missing'])
  assert.ok(report.hints.length > 0 && report.hints.every(({ kind }) => kind === 'pack_unindexed'))
})

test('check() counts what no snapshot uses', async () => {
  const repository = await sample()
  await repository.storage.remove((await namesOf(repository.storage, 'snapshots/'))[0]!, signal)
  await repository.storage.remove((await namesOf(repository.storage, 'snapshots/'))[0]!, signal)
  const { faults, counts } = await run(repository)
  assert.deepEqual(faults, [])
  assert.equal(counts.unusedBlobs, counts.blobs)
  assert.equal(counts.trees, 0)
})

test('check() hints at packs that two indexes name alike, and calls a contradiction a fault', async () => {
  const repository = await sample()
  const [pack] = Array.from(repository.index.packs())
  const { blobs } = pack!
  await repository.saveIndex([{ id: pack!.packId, blobs }], signal)
  const report = await run(repository)
  assert.deepEqual([report.faults, report.hints.map(({ kind }) => kind)], [[], ['pack_indexed_twice']])
  await repository.saveIndex([{ id: pack!.packId, blobs: blobs.slice(0, -1) }], signal)
  assert.ok(kindsOf(await run(repository)).includes('index_contradiction'))
})

test('check() tells a device that reads wrong once from a damaged object', async () => {
  const inside = memoryStorage('inside')
  const { config, key, keyId, random } = await sample(inside)
  const [bad, worse] = await namesOf(inside, 'data/')
  const reads = { [bad!]: 0, [worse!]: -1 }
  const storage = faultStorage(inside, {
    changeRead: (bytes, { objectName }) => {
      const count = reads[objectName]
      if (count === undefined) return bytes
      reads[objectName] = count + 1
      return count <= 0 && bytes.length > 0 ? Uint8Array.from(bytes, (byte, at) => (at === 9 ? byte ^ 1 : byte)) : bytes
    },
  })
  const repository = new Repository({ storage, config, key, keyId, random })
  await repository.loadIndex(signal)
  const findings = new Findings()
  const indexed = Array.from(repository.index.packs()).filter(({ packId }) => packObjectName(packId) in reads)
  const sizes = new Map(
    (await Array.fromAsync(inside.list('data/', signal))).map(({ objectName, size }) => [objectName.slice(-64), size]),
  )
  const reading = {
    repository,
    packs: indexed.map(({ packId, blobs }) => ({ id: packId, blobs, size: sizes.get(packId)! })),
    workers: 1,
    progress: () => {},
  }
  await readPacks(reading, findings, signal)
  const found = Object.fromEntries(findings.of('fault').map(({ kind, objectName }) => [objectName, kind]))
  assert.deepEqual(found, { [bad!]: 'pack_unsteady', [worse!]: 'pack_damaged' })
})

test('check() passes on what is wrong with the storage as a whole, and stops when told', async () => {
  const repository = await sample()
  const controller = new AbortController()
  const progress = (): void => controller.abort()
  await assert.rejects(
    check({ repository, read: 'all', workers: 1 }, { ...context, progress }, controller.signal),
    (error) => isFailure(error, 'stopped'),
  )
})

test('check() names every damage at random, and heal() mends it from the mirror', { timeout: 60_000 }, async () => {
  const random = seededRandom(seed)
  const storage = memoryStorage('here')
  const repository = await sample(storage)
  const copy = memoryStorage('mirror')
  await mirror({ source: storage, target: copy, surplus: 'keep', verify: 'all' }, context, signal)
  const names = await namesOf(copy, '')
  for (let round = 0; round < 25; round++) {
    const objectName = random.pick(names)
    const before = Buffer.from(await storage.get(objectName, {}, signal))
    const how = random.pick(['flip', 'cut', 'remove'] as const)
    const damaged = Buffer.from(before)
    damaged[random.below(before.length)]! ^= 1 << random.below(8)
    if (how === 'remove') await storage.remove(objectName, signal)
    else
      await storage.put(
        objectName,
        how === 'flip' ? damaged : before.subarray(0, random.below(before.length)),
        { whenPresent: 'replace' },
        signal,
      )
    const told = `${seed}, round ${round}: ${how} ${objectName}`
    const report = await run(repository, { read: 'all', mirror: copy })
    assert.ok(
      report.faults.some((fault) => fault.objectName === objectName),
      `not named: ${told}`,
    )
    const healing = {
      storage,
      mirror: copy,
      absent: 'restore',
      sides: 'here',
      proveConfig: configProof(repository.key),
    } as const
    assert.deepEqual((await heal(healing, context, signal)).unhealed, [], told)
    assert.deepEqual(Buffer.from(await storage.get(objectName, {}, signal)), before, told)
  }
  assert.deepEqual((await run(repository, { read: 'all', mirror: copy })).faults, [])
})

test('check() and heal() name a pack that pretends to be larger than memory, and read the others', async () => {
  const repository = await sample()
  const [name] = await namesOf(repository.storage, 'data/')
  const huge = 2 ** 40
  const storage: Storage = {
    ...repository.storage,
    async *list(prefix, listing) {
      for await (const object of repository.storage.list(prefix, listing))
        yield object.objectName === name ? { ...object, size: huge } : object
    },
  }
  const { config, key, keyId, random } = repository
  const grown = new Repository({ storage, config, key, keyId, random })
  const report = await run(grown, { read: 'all' })
  assert.deepEqual(kindsOf(report), ['pack_damaged', 'pack_resized'])
  assert.deepEqual([...new Set(report.faults.map(({ objectName }) => objectName))], [name])
  assert.equal(report.counts.readPacks, report.counts.packs - 1)
  await heal({ storage, mirror: repository.storage, absent: 'restore', sides: 'here' }, context, signal)
})
