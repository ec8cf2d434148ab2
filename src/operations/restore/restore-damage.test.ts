import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import type { BlobType } from '../../model/blob.ts'
import type { Id } from '../../model/id.ts'
import { packObjectName } from '../../repository/object-kind.ts'
import type { Repository } from '../../repository/repository.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { problemLines, runRestore } from '../../../testing/run-restore.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { SnapshotBuilder } from '../../../testing/snapshot-builder.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'

const signal = neverStopped()
const random = seededRandom('restore damage')
const mib = 1024 * 1024

const [lost, good, large] = [random.bytes(1000), random.bytes(2000), random.bytes(5 * mib)]

/** Changes the stored bytes of a pack; answers how to take it back. */
async function change(repository: Repository, pack: Id, action: (bytes: Uint8Array) => Uint8Array | undefined) {
  const name = packObjectName(pack)
  const before = Uint8Array.from(await repository.storage.get(name, {}, signal))
  const after = action(Uint8Array.from(before))
  if (after === undefined) await repository.storage.remove(name, signal)
  else await repository.storage.put(name, after, { whenPresent: 'replace' }, signal)
  return async (): Promise<void> => {
    await repository.storage.put(name, before, { whenPresent: 'replace' }, signal)
  }
}

/** Turns a bit of the first copy of a blob. */
async function damageBlob(repository: Repository, type: BlobType, id: Id): Promise<() => Promise<void>> {
  const { packId, offset, length } = repository.index.location(repository.index.find(id, type))
  return await change(repository, packId, (bytes) => {
    bytes[offset + (length >> 1)]! ^= 4
    return bytes
  })
}

interface Sample {
  readonly repository: Repository
  readonly tree: Id
  readonly lostId: Id
  readonly pack: Id
}

/** Files of which some hold a blob that lies in a pack of its own kind, with others. */
async function sample(copies: 'one copy' | 'two copies' = 'one copy'): Promise<Sample> {
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository)
  const lostId = builder.data(lost)
  const other = builder.file('other', [good])
  const small = builder.file('small', [lost])
  const [pack] = builder.endPack()
  const parts = builder.file('parts', [large, lost, good, lost])
  const last = builder.file('whole', [good, lost])
  if (copies === 'two copies') {
    builder.endPack()
    builder.copy(lost)
  }
  const tree = builder.tree([builder.directory('d', [small]), other, parts, small, last])
  await builder.end()
  return { repository, tree, lostId, pack: pack! }
}

const contents: Record<string, Buffer> = {
  'd/small': lost,
  small: lost,
  parts: Buffer.concat([large, lost, good, lost]),
  whole: Buffer.concat([good, lost]),
  other: good,
}

function assertWhole(target: string, name: string): void {
  assert.ok(readFileSync(`${target}/${name}`).equals(contents[name]!), name)
  assert.equal(statSync(`${target}/${name}`).mode & 0o7777, 0o644, name)
  assert.equal(statSync(`${target}/${name}`, { bigint: true }).mtimeNs, 1_767_323_045_123_456_789n, name)
}

test('restore() takes another copy of a blob that is damaged', async () => {
  for (const isThere of [false, true]) {
    await using folder = temporaryFolder('damage')
    const { repository, tree, lostId } = await sample('two copies')
    await damageBlob(repository, 'data', lostId)
    // Older files in the way must not shine through.
    if (isThere) for (const name of ['small', 'parts', 'whole']) writeFileSync(folder.at(name), random.bytes(20_000))
    const report = await runRestore({ repository, tree, target: folder.path, workers: 2, verify: true })
    assert.deepEqual(report.problems, [])
    assert.deepEqual([report.files, report.filesVerified], [5, 5])
    for (const name of Object.keys(contents)) assertWhole(folder.path, name)
  }
})

const damages: Record<string, (made: Sample) => Promise<() => Promise<void>>> = {
  'is damaged': ({ repository, lostId }) => damageBlob(repository, 'data', lostId),
  'lies in a pack that is gone': ({ repository, pack }) => change(repository, pack, () => undefined),
  'lies in a pack that was cut': ({ repository, pack }) => change(repository, pack, (bytes) => bytes.subarray(0, 100)),
  'lies in a pack that holds nothing': ({ repository, pack }) =>
    change(repository, pack, (bytes) => bytes.subarray(0, 0)),
}

for (const [what, damage] of Object.entries(damages)) {
  test(`restore() tells each file once whose only copy of a blob ${what}, and restores the rest`, async () => {
    await using folder = temporaryFolder('damage')
    const made = await sample()
    const { repository, tree } = made
    const heal = await damage(made)
    // What else is in the pack is lost only where more than the one blob is.
    const broken = what === 'is damaged' ? [] : ['/other']
    const report = await runRestore({ repository, tree, target: folder.path, workers: 2 })
    const paths = [...broken, '/d/small', '/parts', '/small', '/whole'].toSorted()
    assert.deepEqual(report.problems.map(({ path }) => path).toSorted(), paths)
    const code = what === 'lies in a pack that is gone' ? 'object_missing' : 'repository_damaged'
    for (const problem of report.problems) assert.equal(problem.code, code)
    assert.equal(report.files, 5 - paths.length)
    if (broken.length === 0) assertWhole(folder.path, 'other')
    // They are there as far as they go, and do not look as if they were whole.
    assert.ok(readFileSync(folder.at('parts')).subarray(0, large.length).equals(large))
    for (const name of ['small', 'parts', 'whole', 'd/small']) {
      assert.notEqual(statSync(folder.at(name)).mtimeMs, 1_767_323_045_123, name)
    }

    const verified = await runRestore({ repository, tree, target: folder.path, verify: true })
    assert.equal(problemLines(verified).filter((line) => line.endsWith('not_proven')).length, paths.length)
    await heal()
    for (const overwrite of ['if-changed', 'always'] as const) {
      const again = await runRestore({ repository, tree, target: folder.path, overwrite, verify: true })
      assert.deepEqual([again.problems, again.files], [[], 5])
      for (const name of Object.keys(contents)) assertWhole(folder.path, name)
    }
  })
}

test('restore() does not believe a blob that is well sealed but is not what its name says', async () => {
  for (const compression of ['on', 'off'] as const) {
    await using folder = temporaryFolder('damage')
    const repository = await freshRepository()
    const builder = new SnapshotBuilder(repository, { compression })
    builder.lie(lost, good)
    const forged = random.bytes(lost.length)
    builder.lie(forged, random.bytes(forged.length))
    const tree = builder.tree([
      builder.file('file', [lost], { size: good.length }),
      builder.file('forged', [forged]),
      builder.file('other', [random.bytes(10)]),
    ])
    await builder.end()
    const report = await runRestore({ repository, tree, target: folder.path })
    assert.deepEqual(problemLines(report), ['/file: repository_damaged', '/forged: repository_damaged'])
    assert.match(report.problems[0]!.detail, /SHA-256/)
    assert.equal(report.files, 1)
    for (const name of ['file', 'forged']) assert.ok(readFileSync(folder.at(name)).every((byte) => byte === 0))
  }
})

test('restore() with digests of the caller believes no blob either that was wrong when it was stored, and takes a copy of a damaged one', async () => {
  await using folder = temporaryFolder('damage')
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository)
  const forged = random.bytes(3000)
  builder.lie(forged, random.bytes(forged.length))
  const lostId = builder.data(lost)
  const nodes = [
    builder.file('known', [good, forged]),
    builder.file('other', [good]),
    builder.file('parts', [large, lost, forged]),
    builder.file('small', [lost]),
  ]
  builder.endPack()
  builder.copy(lost)
  const tree = builder.tree(nodes)
  await builder.end()
  await damageBlob(repository, 'data', lostId)
  const digests = async () => new Map([['known', hash('sha256', Buffer.concat([good, forged]))]])
  const report = await runRestore({ repository, tree, target: folder.path, workers: 2, verify: true, digests })
  assert.deepEqual(problemLines(report), ['/known: repository_damaged', '/parts: repository_damaged'])
  assert.equal(report.filesVerified, 2)
  assert.ok(readFileSync(folder.at('small')).equals(lost))

  // Nothing is read back without verify: so it is verified before.
  const unread = await runRestore({ repository, tree, target: folder.at('unread'), digests })
  assert.deepEqual(problemLines(unread), ['/known: repository_damaged', '/parts: repository_damaged'])
})

test('restore() with digests of the caller finds blobs that changed places, which their seals do not tell', async () => {
  await using folder = temporaryFolder('damage')
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository)
  const [one, two, three, four] = [1, 2, 3, 4].map(() => random.bytes(1000)) as [Buffer, Buffer, Buffer, Buffer]
  const nodes = [builder.file('known', [one, good]), builder.file('other', [two]), builder.file('lost', [three, four])]
  builder.endPack()
  for (const bytes of [one, two]) builder.copy(bytes)
  const tree = builder.tree(nodes)
  await builder.end()
  const placeOf = (bytes: Uint8Array) => repository.index.location(repository.index.find(hash('sha256', bytes), 'data'))
  await change(repository, placeOf(one).packId, (bytes) => {
    for (const pair of [
      [one, two],
      [three, four],
    ] as const) {
      const [a, b] = pair.map(placeOf)
      assert.equal(a!.length, b!.length)
      const kept = bytes.slice(a!.offset, a!.offset + a!.length)
      bytes.copyWithin(a!.offset, b!.offset, b!.offset + b!.length)
      bytes.set(kept, b!.offset)
    }
    return bytes
  })
  const digests = async () => new Map([['known', hash('sha256', Buffer.concat([one, good]))]])
  const report = await runRestore({ repository, tree, target: folder.path, workers: 2, verify: true, digests })
  assert.deepEqual(problemLines(report), ['/lost: repository_damaged'])
  assert.equal(report.filesVerified, 2)
  assert.ok(readFileSync(folder.at('known')).equals(Buffer.concat([one, good])))
  assert.ok(readFileSync(folder.at('other')).equals(two))
  assert.ok(readFileSync(folder.at('lost')).every((byte) => byte === 0))
})

test('restore() with digests of the caller does not look once more for a blob that is told to be lost', async () => {
  await using folder = temporaryFolder('damage')
  const { repository, tree, lostId } = await sample()
  await damageBlob(repository, 'data', lostId)
  const digests = new Map([['small', hash('sha256', lost)]])
  const request = { repository, tree, target: folder.path, verify: true, digests: async () => digests }
  const report = await runRestore(request)
  const lines = ['/d/small', '/parts', '/small', '/whole'].flatMap((path) => [
    `${path}: not_proven`,
    `${path}: repository_damaged`,
  ])
  assert.deepEqual(problemLines(report).toSorted(), lines.toSorted())
})

test('restore() tells a file of which a blob is in no index, and restores the rest', async () => {
  await using folder = temporaryFolder('damage')
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository)
  const missing = 'ab'.repeat(32)
  const tree = builder.tree([
    builder.file('a', ['content'], { content: [missing], size: 7, links: 2, inode: 5 }),
    builder.file('b', ['content'], { content: [missing], size: 7, links: 2, inode: 5 }),
    builder.file('c', ['content']),
  ])
  await builder.end()
  for (const dryRun of [true, false]) {
    const report = await runRestore({ repository, tree, target: folder.path, dryRun })
    assert.deepEqual(problemLines(report), ['/a: object_missing', '/b: object_missing'])
    assert.deepEqual([report.files, report.hardLinks], [1, 0])
  }
  assert.deepEqual(readdirSync(folder.path), ['c'])
})

test('restore() tells a tree that is damaged or gone, and restores what lies beside it', async () => {
  await using folder = temporaryFolder('damage')
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository)
  const broken = builder.directory('broken', [builder.file('lost', ['lost'])])
  builder.endPack()
  const gone = builder.directory('gone', [builder.file('gone too', ['gone'])])
  const [, gonePack] = builder.endPack()
  const tree = builder.tree([broken, gone, builder.directory('whole', [builder.file('f', ['content'])])])
  await builder.end()
  await damageBlob(repository, 'tree', broken.subtree!)
  await change(repository, gonePack!, () => undefined)
  const report = await runRestore({ repository, tree, target: folder.path, verify: true })
  // Both walks tell them: the one that restores and the one that reads back.
  assert.deepEqual(problemLines(report), ['/broken: repository_damaged', '/gone: object_missing'])
  assert.equal(readFileSync(folder.at('whole/f'), 'utf8'), 'content')
  assert.deepEqual([report.files, report.directories, report.filesVerified], [1, 3, 1])

  await damageBlob(repository, 'tree', tree)
  const target = folder.at('never made')
  await assert.rejects(runRestore({ repository, tree, target }), (error) => isFailure(error, 'repository_damaged'))
  assert.ok(!existsSync(target))
})
