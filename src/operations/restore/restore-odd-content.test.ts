import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { problemLines, runRestore } from '../../../testing/run-restore.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { node, SnapshotBuilder } from '../../../testing/snapshot-builder.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'

const random = seededRandom('restore odd content')
const mib = 1024 * 1024

test('restore() keeps long zeros as holes, in files of any number of packs and of any size', async () => {
  await using folder = temporaryFolder('restore')
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository, { compression: 'on' })
  const zeros = Buffer.alloc(8 * mib)
  const data = random.bytes(100_000)
  const nodes = [
    builder.file('all', [zeros]),
    builder.file('ending', [data, zeros.subarray(0, mib)]),
    builder.file('huge', [...Array.from({ length: 40 }, () => zeros), data]),
    builder.file('middle', [data, zeros, data, zeros.subarray(0, 777_777), Buffer.from('end')]),
  ]
  builder.endPack()
  // Of two packs, so that it is written in parts.
  nodes.push(builder.file('parts', [random.bytes(50_000), zeros, random.bytes(50_001), zeros.subarray(0, mib)]))
  const tree = builder.tree(nodes)
  await builder.end()
  const report = await runRestore({ repository, tree, target: folder.at('sparse'), workers: 2, verify: true })
  assert.deepEqual(report.problems, [])
  await runRestore({
    repository,
    tree,
    target: folder.at('solid'),
    sparse: false,
    selection: { include: [], exclude: ['huge'] },
  })
  for (const { name, size } of nodes) {
    const stat = statSync(folder.at('sparse', name))
    assert.equal(stat.size, size)
    assert.ok(stat.blocks * 512 < 400_000, `${name} takes ${stat.blocks * 512} bytes`)
    if (name === 'huge') continue
    assert.ok(statSync(folder.at('solid', name)).blocks * 512 >= size!)
    assert.ok(readFileSync(folder.at('sparse', name)).equals(readFileSync(folder.at('solid', name))), name)
  }
  const again = await runRestore({ repository, tree, target: folder.at('sparse') })
  assert.equal(again.bytesWritten, 0)
})

test('restore() brings back blobs that are larger than the memory for one reading', async () => {
  await using folder = temporaryFolder('restore')
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository)
  const large = random.bytes(10 * mib)
  const tree = builder.tree([
    builder.file('first', [large, 'x', large]),
    builder.file('second', [large]),
    builder.file('third', ['y']),
  ])
  await builder.end()
  writeFileSync(folder.at('second'), 'was here')
  const report = await runRestore({ repository, tree, target: folder.path, verify: true })
  assert.deepEqual(report.problems, [])
  assert.equal(report.files, 3)
  assert.ok(readFileSync(folder.at('second')).equals(large))
  assert.equal(statSync(folder.at('second')).mode & 0o777, 0o644)
})

test('restore() makes trees that are deeper than a path can tell', async () => {
  await using folder = temporaryFolder('restore')
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository)
  const [long, short] = ['n'.repeat(200), 'd']
  let nodes = [builder.file('deepest', ['content'], { links: 2, inode: 7 }), builder.symlink('link', 'anywhere')]
  for (let depth = 0; depth < 60; depth++) nodes = [builder.directory(long, nodes)]
  nodes.push(builder.file('z', ['content'], { links: 2, inode: 7 }))
  let many = [builder.file('deepest', ['content'])]
  for (let depth = 0; depth < 1000; depth++) many = [builder.directory(short, many, { mtime: '2020-01-01T00:00:00Z' })]
  const tree = builder.tree([...many, ...nodes])
  await builder.end()
  try {
    const report = await runRestore({ repository, tree, target: folder.path, verify: true })
    assert.deepEqual(report.problems, [])
    assert.equal(report.directories, 1060)
    assert.equal(report.filesVerified, 3)
    assert.equal(readFileSync(folder.at(...Array<string>(1000).fill(short), 'deepest'), 'utf8'), 'content')
    assert.equal(statSync(folder.at('z')).nlink, 2)
    assert.equal(statSync(folder.at(...Array<string>(999).fill(short))).mtimeMs, Date.parse('2020-01-01T00:00:00Z'))
    const again = await runRestore({ repository, tree, target: folder.path })
    assert.deepEqual([again.problems, again.bytesWritten], [[], 0])
  } finally {
    execFileSync('rm', ['-rf', folder.at(long), folder.at(short)]) // Node's own rm takes no path of this length.
  }
})

test('restore() tells what no file system holds, and restores the rest', async () => {
  await using folder = temporaryFolder('restore')
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository)
  const tree = builder.tree([
    builder.file('a', ['content']),
    { ...node('irregular', 'b', 0o644) },
    builder.symlink('empty link', ''),
    builder.symlink('long link', 'x'.repeat(5000)),
    { ...node('socket', 's', 0o644) },
    builder.file('x'.repeat(256), ['content']),
    builder.file('z', ['content']),
  ])
  await builder.end()
  const report = await runRestore({ repository, tree, target: folder.path })
  assert.deepEqual(problemLines(report), [
    '/b: unsupported',
    '/empty link: target_failed',
    '/long link: target_failed',
    '/s: unsupported',
    `/${'x'.repeat(256)}: target_failed`,
  ])
  assert.equal(report.files, 2)
  assert.equal(report.others, 0)
  assert.deepEqual(readdirSync(folder.path).toSorted(), ['a', 'z'])
})

test('restore() restores the content of a file whose size is not what its node says, and tells it', async () => {
  await using folder = temporaryFolder('restore')
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository)
  const tree = builder.tree([builder.file('a', ['content'], { size: 100 }), builder.file('b', ['content'])])
  await builder.end()
  const report = await runRestore({ repository, tree, target: folder.path, verify: true })
  assert.deepEqual(problemLines(report), ['/a: repository_damaged'])
  assert.equal(readFileSync(folder.at('a'), 'utf8'), 'content')
  assert.equal(report.filesVerified, 2)
})
