import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { encodeName } from '../../base/byte-name.ts'
import { isFailure } from '../../base/failure.ts'
import type { Node } from '../../model/node.ts'
import type { Repository } from '../../repository/repository.ts'
import { encodeTree } from '../../repository/tree-json.ts'
import { readOnly } from '../../storage/read-only.ts'
import type { BackupReport } from './back-up.ts'
import {
  assertSound,
  type BackupChanges,
  backUpPaths,
  itemCounts,
  reopened,
  storedEntries,
  type StoredEntry,
} from '../../../testing/back-up-folder.ts'
import { freshRepository, storePack } from '../../../testing/fresh-repository.ts'
import { makeSampleTree } from '../../../testing/sample-tree.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { treeFacts } from '../../../testing/tree-facts.ts'

const signal = neverStopped()
const random = seededRandom('back up')

/** A small tree: a, b, d/c, d/e/f, d/link, empty/. */
function smallTree(folder: TemporaryFolder): string {
  const root = folder.at('root')
  mkdirSync(`${root}/d/e`, { recursive: true })
  mkdirSync(`${root}/empty`)
  writeFileSync(`${root}/a`, random.bytes(1000))
  writeFileSync(`${root}/b`, '')
  writeFileSync(`${root}/d/c`, random.bytes(400_000))
  writeFileSync(`${root}/d/e/f`, 'text')
  symlinkSync('c', `${root}/d/link`)
  return root
}

/**
 * Backs up "root" in the folder, by that name: the snapshot holds none of the directories above, which other
 * processes change.
 */
async function backUpRoot(
  repository: Repository,
  folder: TemporaryFolder,
  options: BackupChanges = {},
): Promise<BackupReport> {
  return await backUpPaths(repository, ['root'], { workingDirectory: folder.path, ...options })
}

/** Entries below "root", by their path from there. */
async function entriesBelow(repository: Repository, tree: string): Promise<Map<string, StoredEntry>> {
  const all = await storedEntries(repository, tree)
  return new Map([...all].flatMap(([path, e]) => (path.startsWith('root/') ? [[path.slice(5), e]] : [])))
}

test('backUp() stores every kind of file as it is', async () => {
  await using folder = temporaryFolder('back-up')
  const root = folder.at('root')
  makeSampleTree(root, random)
  const repository = await freshRepository()
  const { tree, gaps, summary } = await backUpRoot(repository, folder)
  assert.deepEqual(gaps, [])
  const entries = await entriesBelow(repository, tree)
  const facts = treeFacts(root)
  facts.delete('.')
  assert.deepEqual(
    [...entries.keys()].map((path) => encodeName(path).toString('latin1')).toSorted(),
    [...facts.keys()].toSorted(),
  )
  const typeWords = { dir: 'directory', dev: 'block device', chardev: 'character device' } as const
  for (const [path, { node, content }] of entries) {
    const fact = facts.get(encodeName(path).toString('latin1'))!
    assert.equal(node.type in typeWords ? typeWords[node.type as 'dir'] : node.type, fact.type, path)
    assert.equal(content, fact.content, path)
    assert.equal(node.linktarget && encodeName(node.linktarget).toString('latin1'), fact.target, path)
    assert.equal(`${node.uid}:${node.gid}`, fact.owner, path)
    if (fact.device !== undefined) assert.equal(BigInt(node.device ?? 0), fact.device, path)
  }
  const inodes = ['plain/text', 'hard-link-1', 'plain/deep/hard-link-2'].map((path) => entries.get(path)!.node)
  assert.deepEqual(new Set(inodes.map(({ inode, device_id, links }) => `${inode} ${device_id} ${links}`)).size, 1)
  assert.equal(inodes[0]!.links, 3)
  const files = [...entries.values()].filter(({ node }) => node.type === 'file')
  assert.equal(summary.files_new, files.length)
  assert.equal(
    summary.total_bytes_processed,
    files.reduce((sum, { node }) => sum + (node.size ?? 0), 0),
  )
  await assertSound(repository)
})

test('backUp() tells what it stored in figures that are true', async () => {
  await using folder = temporaryFolder('back-up')
  const root = smallTree(folder)
  const repository = await freshRepository()
  const { summary, snapshotId, tree } = await backUpRoot(repository, folder, { tags: ['x'], username: 'me' })
  const index = (await reopened(repository)).index
  const totals = index.totals()
  assert.deepEqual(itemCounts(summary), { files: [4, 0, 0], dirs: [4, 0, 0] })
  assert.equal(summary.data_blobs, totals.dataBlobs)
  assert.equal(summary.tree_blobs, totals.treeBlobs)
  assert.equal(summary.data_added, totals.plaintextBytes)
  let packBytes = 0
  for await (const { size } of repository.list('data', signal)) packBytes += size
  assert.equal(summary.data_added_packed, packBytes)
  assert.equal(summary.total_files_processed, 4)
  assert.equal(summary.total_bytes_processed, 1000 + 400_000 + 4)
  const stored = await repository.loadSnapshot(snapshotId!, signal)
  assert.deepEqual(stored.summary, summary)
  assert.deepEqual(
    [stored.tree, stored.paths, stored.hostname, stored.username, stored.tags, stored.program_version, stored.parent],
    [tree, [root], 'host', 'me', ['x'], 'test', undefined],
  )
  assert.ok(summary.backup_start <= summary.backup_end && stored.time === summary.backup_start)
})

test('backUp() of what is unchanged stores nothing but the snapshot, and takes the tree of its parent', async () => {
  await using folder = temporaryFolder('back-up')
  const root = smallTree(folder)
  const repository = await freshRepository()
  const first = await backUpRoot(repository, folder)
  const packs = (await Array.fromAsync(repository.list('data', signal))).length
  const second = await backUpRoot(await reopened(repository), folder)
  assert.equal(second.parentId, first.snapshotId)
  assert.equal(second.tree, first.tree)
  assert.notEqual(second.snapshotId, first.snapshotId)
  assert.deepEqual(itemCounts(second.summary), { files: [0, 0, 4], dirs: [0, 0, 4] })
  assert.equal(second.summary.data_added, 0)
  assert.equal(second.summary.data_added_packed, 0)
  assert.equal(second.summary.data_blobs + second.summary.tree_blobs, 0)
  assert.equal(second.summary.total_bytes_processed, first.summary.total_bytes_processed)
  assert.equal((await Array.fromAsync(repository.list('data', signal))).length, packs)

  const skipped = await backUpRoot(await reopened(repository), folder, { skipIfUnchanged: true })
  assert.equal(skipped.snapshotId, undefined)
  writeFileSync(`${root}/new`, '')
  const kept = await backUpRoot(await reopened(repository), folder, { skipIfUnchanged: true })
  assert.notEqual(kept.snapshotId, undefined)
  assert.equal((await repository.listSnapshots(signal)).length, 3)
})

interface Change {
  readonly name: string
  readonly change: (root: string) => void
  /** New, changed, unmodified. */
  readonly files: readonly [number, number, number]
  /** New, changed, unmodified, the root among them. */
  readonly dirs: readonly [number, number, number]
  /** Blobs of data that are new. */
  readonly blobs: number
}

const changes: readonly Change[] = [
  {
    name: 'a file written',
    change: (root) => appendFileSync(`${root}/a`, 'x'),
    files: [0, 1, 3],
    dirs: [0, 1, 3],
    blobs: 1,
  },
  {
    name: 'a file added',
    change: (root) => writeFileSync(`${root}/aa`, 'new'),
    files: [1, 0, 4],
    dirs: [0, 1, 3],
    blobs: 1,
  },
  { name: 'a file removed', change: (root) => unlinkSync(`${root}/d/c`), files: [0, 0, 3], dirs: [0, 2, 2], blobs: 0 },
  {
    name: 'a file touched',
    change: (root) => utimesSync(`${root}/d/c`, 1, 2),
    files: [0, 1, 3],
    dirs: [0, 2, 2],
    blobs: 0,
  },
  {
    name: 'a mode changed',
    change: (root) => chmodSync(`${root}/a`, 0o600),
    files: [0, 1, 3],
    dirs: [0, 1, 3],
    blobs: 0,
  },
  {
    name: "a directory's mode changed",
    change: (root) => chmodSync(`${root}/empty`, 0o700),
    files: [0, 0, 4],
    dirs: [0, 2, 2],
    blobs: 0,
  },
  {
    name: 'a file renamed',
    change: (root) => renameSync(`${root}/a`, `${root}/z`),
    files: [1, 0, 3],
    dirs: [0, 1, 3],
    blobs: 0,
  },
  {
    name: 'a directory renamed',
    change: (root) => renameSync(`${root}/d`, `${root}/g`),
    files: [2, 0, 2],
    dirs: [2, 1, 1],
    blobs: 0,
  },
  {
    name: 'a file that became a directory',
    change: (root) => {
      unlinkSync(`${root}/a`)
      mkdirSync(`${root}/a`)
      writeFileSync(`${root}/a/x`, 'x')
    },
    files: [1, 0, 3],
    dirs: [1, 1, 3],
    blobs: 1,
  },
  {
    name: 'a directory that became a file',
    change: (root) => {
      rmSync(`${root}/d/e`, { recursive: true })
      writeFileSync(`${root}/d/e`, 'file')
    },
    files: [0, 1, 3],
    dirs: [0, 2, 1],
    blobs: 1,
  },
  {
    name: 'a symlink turned',
    change: (root) => {
      unlinkSync(`${root}/d/link`)
      symlinkSync('e', `${root}/d/link`)
    },
    files: [0, 0, 4],
    dirs: [0, 2, 2],
    blobs: 0,
  },
]

for (const { name, change, files, dirs, blobs } of changes) {
  test(`backUp() of ${name} stores that and no more`, async () => {
    await using folder = temporaryFolder('back-up')
    const root = smallTree(folder)
    const repository = await freshRepository()
    await backUpRoot(repository, folder)
    change(root)
    const parented = await reopened(repository)
    const { summary, tree } = await backUpRoot(parented, folder)
    assert.deepEqual(itemCounts(summary), { files, dirs })
    assert.equal(summary.data_blobs, blobs)
    // What the parent spared must be what reading everything anew gives.
    const anew = await backUpRoot(await reopened(repository), folder, { parent: 'none' })
    assert.equal(tree, anew.tree)
    assert.equal(summary.total_bytes_processed, anew.summary.total_bytes_processed)
    assert.equal(anew.summary.data_added, 0)
    const entries = await entriesBelow(parented, tree)
    const facts = treeFacts(root)
    assert.equal(entries.size, facts.size - 1)
    for (const [path, { content }] of entries) assert.equal(content, facts.get(path)!.content, path)
  })
}

/** A snapshot of this tree, but that it says that the file of this path has another content. */
async function withFalseContent(repository: Repository, tree: string, path: readonly string[]): Promise<string> {
  const falseBlob = Buffer.from('not what is in the file')
  const pack = await storePack(repository, [falseBlob])
  const packs = [pack]
  const rewrite = async (id: string, rest: readonly string[]): Promise<string> => {
    const { nodes } = await repository.loadTree(id, signal)
    const changed: Node[] = []
    for (const node of nodes) {
      if (node.name !== rest[0]) changed.push(node)
      else if (rest.length === 1) changed.push({ ...node, content: [pack.blobs[0]!.id] })
      else changed.push({ ...node, subtree: await rewrite(node.subtree!, rest.slice(1)) })
    }
    const stored = await storePack(repository, [encodeTree(changed)], 'tree')
    packs.push(stored)
    return stored.blobs[0]!.id
  }
  const falseTree = await rewrite(tree, path)
  for (const { id, blobs } of packs) repository.index.settlePack(id, blobs)
  await repository.saveIndex(packs, signal)
  const time = '2026-01-01T00:00:00Z'
  return await repository.saveSnapshot({ time, tree: falseTree, paths: ['/root'], hostname: 'host' }, signal)
}

test('backUp() that reads all trusts no metadata: a file whose content is another is stored, in its directory too', async () => {
  await using folder = temporaryFolder('back-up')
  smallTree(folder)
  for (const name of ['a', 'd/e/f']) {
    const repository = await freshRepository()
    const first = await backUpRoot(repository, folder)
    const id = await withFalseContent(repository, first.tree, ['root', ...name.split('/')])
    const trusting = await backUpRoot(repository, folder, { parent: { id } })
    assert.notEqual(trusting.tree, first.tree)
    const reading = await backUpRoot(repository, folder, { parent: { id }, read: 'all' })
    assert.equal(reading.tree, first.tree)
    assert.deepEqual(itemCounts(reading.summary).files, [0, 1, 3])
    assert.equal(reading.summary.data_added, 0)
  }
})

test('backUp() stores a file again whose content no index names any more', async () => {
  await using folder = temporaryFolder('back-up')
  smallTree(folder)
  const repository = await freshRepository()
  const first = await backUpRoot(repository, folder, { workers: 1 })
  const [blob] = (await entriesBelow(repository, first.tree)).get('a')!.node.content!
  const packOf = repository.index.location(repository.index.find(blob!, 'data')).packId
  repository.index.withdrawPacks([packOf])
  const second = await backUpRoot(repository, folder)
  assert.equal(second.tree, first.tree)
  assert.deepEqual(itemCounts(second.summary).files, [0, 0, 4])
  assert.equal(second.summary.data_blobs, 3)
  await repository.remove('data', packOf, signal)
  const entries = await entriesBelow(await reopened(repository), second.tree)
  assert.equal(entries.size, 8)
})

test('backUp() of a dry run stores nothing, counts all, and leaves the repository fit for the real one', async () => {
  await using folder = temporaryFolder('back-up')
  smallTree(folder)
  const inside = await freshRepository()
  const repository = await reopened(inside, readOnly(inside.storage))
  const dry = await backUpRoot(repository, folder, { dryRun: true })
  assert.equal(dry.snapshotId, undefined)
  const again = await backUpRoot(repository, folder, { dryRun: true })
  const real = await backUpRoot(await withSameIndex(repository, inside), folder)
  assert.equal(dry.tree, real.tree)
  for (const { summary } of [dry, again]) {
    for (const key of ['files_new', 'data_blobs', 'tree_blobs', 'data_added', 'total_bytes_processed'] as const) {
      assert.equal(summary[key], real.summary[key], key)
    }
    assert.ok(summary.data_added_packed > 400_000 && summary.data_added_packed <= real.summary.data_added_packed)
  }
  await assertSound(inside)
})

/** The writable repository must use the index in which the dry run has claimed blobs. */
async function withSameIndex(used: Repository, writable: Repository): Promise<Repository> {
  return new Proxy(writable, {
    get(target, key): unknown {
      const value: unknown = key === 'index' ? used.index : Reflect.get(target, key, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

test('backUp() leaves out what the rules say, but never what was named', async () => {
  await using folder = temporaryFolder('back-up')
  const root = smallTree(folder)
  mkdirSync(`${root}/cache/deep`, { recursive: true })
  writeFileSync(`${root}/cache/CACHEDIR.TAG`, 'Signature: 8a477f597d28d172789f06886806bc55')
  writeFileSync(`${root}/cache/deep/x`, 'x')
  const entriesOf = async (paths: string[], patterns: string[], caches = false): Promise<string[]> => {
    const repository = await freshRepository()
    const options = { workingDirectory: folder.path, excludes: { patterns, caches } }
    const { tree } = await backUpPaths(repository, paths, options)
    return [...(await entriesBelow(repository, tree)).keys()].toSorted()
  }
  const all = ['a', 'b', 'cache', 'cache/CACHEDIR.TAG', 'cache/deep', 'cache/deep/x']
  const below = ['d', 'd/c', 'd/e', 'd/e/f', 'd/link', 'empty']
  assert.deepEqual(await entriesOf(['root'], []), [...all, ...below])
  assert.deepEqual(
    await entriesOf(['root'], ['e', 'a', '/nowhere']),
    [...all, ...below].filter((path) => path !== 'a' && !path.startsWith('d/e')),
  )
  assert.deepEqual(await entriesOf(['root'], [], true), ['a', 'b', 'cache', 'cache/CACHEDIR.TAG', ...below])
  // What is in a directory that a rule leaves out is left out too, as restic does, unless it was named itself.
  assert.deepEqual(await entriesOf(['root/d/e', 'root/a'], ['e', 'a', 'd']), ['a', 'd', 'd/e'])
  assert.deepEqual(await entriesOf(['root/d/e/f', 'root'], ['e', 'cache', 'f']), [
    'a',
    'b',
    'd',
    'd/c',
    'd/e',
    'd/e/f',
    'd/link',
    'empty',
  ])
  assert.deepEqual(await entriesOf(['root', 'root/d/c'], ['d', 'cache', 'b']), ['a', 'd', 'd/c', 'empty'])
  assert.deepEqual(await entriesOf(['root/d/c', 'root'], ['*']), ['d', 'd/c'])
})

test('backUp() lays out roots of several kinds in one tree', async () => {
  await using folder = temporaryFolder('back-up')
  const root = smallTree(folder)
  mkdirSync(folder.at('beside'))
  writeFileSync(folder.at('beside', 'quo"te'), 'q')
  const repository = await freshRepository()
  const options = { workingDirectory: `${root}/d` }
  const topOf = async (paths: string[]): Promise<string[]> => {
    const { tree } = await backUpPaths(repository, paths, options)
    return [...(await storedEntries(repository, tree)).keys()].filter((path) => !path.includes('/'))
  }
  assert.deepEqual(await topOf(['.']), ['c', 'e', 'link'])
  assert.deepEqual(await topOf(['..']), ['a', 'b', 'd', 'empty'])
  assert.deepEqual(await topOf(['c', '../a', '../../beside/quo"te', '/proc/version']), ['a', 'beside', 'c', 'proc'])
  assert.deepEqual(await topOf(['link', 'e/f']), ['e', 'link'])
  // By their bytes, not as JSON has them, where a quote is a backslash and a quote.
  writeFileSync(`${root}/d/a"`, '')
  writeFileSync(`${root}/a#`, '')
  assert.deepEqual(await topOf(['../a#', 'a"']), ['a"', 'a#'])
  const mixed = await backUpPaths(repository, ['c', '../a'], options)
  const again = await backUpPaths(repository, ['c', '../a'], { ...options, skipIfUnchanged: true })
  assert.equal(again.tree, mixed.tree)
  assert.equal(again.snapshotId, undefined)
  assert.deepEqual(itemCounts(again.summary).files, [0, 0, 2])
})

test('backUp() follows symlinks on the way to what was named, and no others', async () => {
  await using folder = temporaryFolder('back-up')
  const root = smallTree(folder)
  symlinkSync(`${root}/d`, folder.at('way'))
  const repository = await freshRepository()
  const { tree, gaps } = await backUpPaths(repository, ['way/e', 'way/link'], {
    workingDirectory: folder.path,
  })
  assert.deepEqual(gaps, [])
  const entries = await storedEntries(repository, tree)
  assert.deepEqual([...entries.keys()], ['way', 'way/e', 'way/e/f', 'way/link'])
  assert.equal(entries.get('way')!.node.type, 'dir')
  assert.equal(entries.get('way/link')!.node.type, 'symlink')
  const link = await backUpPaths(repository, ['way'], { workingDirectory: folder.path })
  const linkEntries = await storedEntries(repository, link.tree)
  assert.equal(linkEntries.get('way')!.node.linktarget, `${root}/d`)
  const dot = await backUpPaths(repository, ['.'], { workingDirectory: folder.at('way') })
  assert.ok((await storedEntries(repository, dot.tree)).has('e/f'))
})

test('backUp() tells of sockets, and fails where nothing of what was named can be read', async () => {
  await using folder = temporaryFolder('back-up')
  const root = smallTree(folder)
  const server = createServer().listen(`${root}/socket`)
  await once(server, 'listening')
  try {
    const repository = await freshRepository()
    const { gaps, tree } = await backUpPaths(repository, ['root', 'root/socket', 'missing'], {
      workingDirectory: folder.path,
    })
    assert.deepEqual(gaps.map(({ path, reason }) => `${path} ${reason}`).toSorted(), [
      `${folder.at('missing')} vanished`,
      `${root}/socket socket`,
    ])
    assert.ok(!(await entriesBelow(repository, tree)).has('socket'))
    for (const paths of [
      [folder.at('missing')],
      [`${root}/a/below-a-file`],
      [`${root}/socket`],
      [folder.at('missing'), `${root}/socket`, folder.at('missing', 'too')],
    ]) {
      await assert.rejects(backUpPaths(repository, paths), (error) => isFailure(error, 'source_unreadable'))
    }
    await assert.rejects(backUpPaths(repository, ['.'], { workingDirectory: folder.at('missing') }), (error) =>
      isFailure(error, 'source_unreadable'),
    )
    assert.equal((await repository.listSnapshots(signal)).length, 1)
    await assertSound(repository, { hints: 'allowed' })
  } finally {
    server.close()
  }
})

test('backUp() goes on from a given parent, from none, and from one of more paths', async () => {
  await using folder = temporaryFolder('back-up')
  const root = smallTree(folder)
  const repository = await freshRepository()
  const from = { workingDirectory: root }
  const both = await backUpPaths(repository, ['d', 'a'], from)
  const one = await backUpPaths(repository, ['d'], from)
  assert.equal(one.parentId, both.snapshotId)
  assert.deepEqual(itemCounts(one.summary).files, [0, 0, 2])
  const none = await backUpPaths(repository, ['d'], { ...from, parent: 'none' })
  assert.deepEqual(itemCounts(none.summary).files, [2, 0, 0])
  assert.equal(none.tree, one.tree)
  const given = await backUpPaths(repository, ['.'], { ...from, parent: { id: one.snapshotId! } })
  assert.deepEqual(itemCounts(given.summary).files, [2, 0, 2])
  const other = await backUpRoot(repository, folder, { hostname: 'other' })
  assert.equal(other.parentId, undefined)
  const early = await backUpRoot(repository, folder, { time: new Date('2001-02-03T04:05:06.789Z') })
  assert.equal(early.parentId, undefined)
  assert.equal((await repository.loadSnapshot(early.snapshotId!, signal)).time, '2001-02-03T04:05:06.789Z')
  await assert.rejects(backUpRoot(repository, folder, { parent: { id: 'ab'.repeat(32) } }))
})

test('backUp() in a repository of format 1, and with each compression, gives the same trees', async () => {
  await using folder = temporaryFolder('back-up')
  smallTree(folder)
  const trees = new Set<string>()
  for (const compression of ['auto', 'max', 'off'] as const) {
    for (const version of [1, 2] as const) {
      const repository = await freshRepository({ version })
      trees.add((await backUpRoot(repository, folder, { compression })).tree)
      await assertSound(repository)
    }
  }
  assert.equal(trees.size, 1)
})

test('backUp() keeps the access time only where it is asked for', async () => {
  await using folder = temporaryFolder('back-up')
  const root = smallTree(folder)
  utimesSync(`${root}/a`, 1_000_000_000, 1_100_000_000)
  const repository = await freshRepository()
  for (const withAtime of [false, true]) {
    const { tree } = await backUpRoot(repository, folder, { withAtime })
    const { node } = (await entriesBelow(repository, tree)).get('a')!
    assert.equal(node.atime, withAtime ? '2001-09-09T01:46:40Z' : '2004-11-09T11:33:20Z')
  }
  assert.equal(statSync(`${root}/a`).atimeMs, 1_000_000_000_000)
})

test('backUp() stores the content of hard links once', async () => {
  await using folder = temporaryFolder('back-up')
  const root = smallTree(folder)
  linkSync(`${root}/d/c`, `${root}/c2`)
  const { summary } = await backUpRoot(await freshRepository(), folder)
  const alone = await backUpPaths(await freshRepository(), [`${root}/d`])
  assert.equal(summary.files_new, 5)
  assert.equal(summary.data_blobs, alone.summary.data_blobs + 1)
})
