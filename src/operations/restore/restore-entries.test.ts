import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import type { Repository } from '../../repository/repository.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { problemLines, runRestore } from '../../../testing/run-restore.ts'
import { mountSmallDisk, noSmallDisk } from '../../../testing/small-disk.ts'
import { node, SnapshotBuilder } from '../../../testing/snapshot-builder.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'

const isRoot = process.geteuid!() === 0

async function snapshotOf(
  make: (builder: SnapshotBuilder) => readonly Node[],
): Promise<{ repository: Repository; tree: Id }> {
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository)
  const tree = builder.tree(make(builder))
  await builder.end()
  return { repository, tree }
}

const linked = { links: 3, inode: 5, device_id: 1 }

/** Three names of one file, one of them in another directory, and a file of the same inode with other content. */
async function threeNames(): Promise<{ repository: Repository; tree: Id }> {
  return await snapshotOf((builder) => [
    builder.file('a', ['content'], linked),
    builder.directory('d', [builder.file('b', ['content'], linked), builder.file('x', ['else'], linked)]),
    builder.file('z', ['content'], linked),
  ])
}

function sameFile(...paths: readonly string[]): boolean {
  return new Set(paths.map((path) => lstatSync(path).ino)).size === 1
}

test('restore() brings back hard links, and only of what is the same file', async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree } = await threeNames()
  for (let round = 0; round < 2; round++) {
    const report = await runRestore({ repository, tree, target: folder.path, verify: true })
    assert.deepEqual(report.problems, [])
    assert.deepEqual([report.files, report.hardLinks, report.filesVerified], [2, 2, 4])
    assert.equal(report.bytesWritten, round === 0 ? 11 : 0)
    assert.ok(sameFile(folder.at('a'), folder.at('d/b'), folder.at('z')))
    assert.equal(statSync(folder.at('a')).nlink, 3)
    assert.equal(statSync(folder.at('a'), { bigint: true }).mtimeNs, 1_767_323_045_123_456_789n)
    assert.equal(readFileSync(folder.at('d/x'), 'utf8'), 'else')
  }
})

test('restore() links again what somebody parted, replaced, or linked to something else', async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree } = await threeNames()
  const changes: (() => void)[] = [
    () => rmSync(folder.at('a')),
    () => rmSync(folder.at('d/b')),
    () => writeFileSync(folder.at('a'), 'CONTENT'), // Through all of its names.
    () => {
      rmSync(folder.at('z'))
      linkSync(folder.at('d/x'), folder.at('z'))
    },
    () => {
      rmSync(folder.at('a'))
      symlinkSync('z', folder.at('a'))
    },
  ]
  await runRestore({ repository, tree, target: folder.path })
  for (const change of changes) {
    change()
    assert.deepEqual((await runRestore({ repository, tree, target: folder.path })).problems, [])
    assert.ok(sameFile(folder.at('a'), folder.at('d/b'), folder.at('z')), change.toString())
    assert.equal(readFileSync(folder.at('z'), 'utf8'), 'content')
    assert.equal(readFileSync(folder.at('d/x'), 'utf8'), 'else')
    assert.equal(statSync(folder.at('d/x')).nlink, 1)
  }
})

test('restore() lets the next name take the place of a first one that is excluded', async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree } = await threeNames()
  const selection = { include: [], exclude: ['/a'] }
  const report = await runRestore({ repository, tree, target: folder.path, selection })
  assert.deepEqual([report.problems, report.files, report.hardLinks], [[], 2, 1])
  assert.ok(sameFile(folder.at('d/b'), folder.at('z')))
  assert.ok(!existsSync(folder.at('a')))
})

test('restore() lets the next name take the place of a first one that can not be restored', async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree } = await threeNames()
  mkdirSync(folder.at('a/in the way'), { recursive: true })
  const report = await runRestore({ repository, tree, target: folder.path, verify: true })
  assert.deepEqual(problemLines(report), ['/a: target_failed', '/a: not_proven'])
  assert.deepEqual([report.files, report.hardLinks, report.filesVerified], [2, 1, 3])
  assert.ok(sameFile(folder.at('d/b'), folder.at('z')))
  assert.equal(readFileSync(folder.at('z'), 'utf8'), 'content')
  assert.equal(statSync(folder.at('z')).mode & 0o777, 0o644)
})

test('restore() does not link to a first name that a rule left alone, nor over what it must leave alone', async () => {
  for (const overwrite of ['never', 'if-newer'] as const) {
    await using folder = temporaryFolder('restore')
    const { repository, tree } = await threeNames()
    writeFileSync(folder.at('a'), 'of the user')
    writeFileSync(folder.at('z'), 'of the user too')
    const report = await runRestore({ repository, tree, target: folder.path, overwrite, verify: true })
    assert.deepEqual(report.problems, [])
    assert.equal(readFileSync(folder.at('a'), 'utf8'), 'of the user')
    assert.equal(readFileSync(folder.at('z'), 'utf8'), 'of the user too')
    assert.equal(readFileSync(folder.at('d/b'), 'utf8'), 'content')
    assert.equal(statSync(folder.at('d/b')).nlink, 1)
  }
})

test('restore() links names in very many directories', async () => {
  await using folder = temporaryFolder('restore')
  const names = Array.from({ length: 150 }, (_, number) => `d${String(number).padStart(3, '0')}`)
  const { repository, tree } = await snapshotOf((builder) =>
    names.map((name) => builder.directory(name, [builder.file('f', ['content'], { links: 150, inode: 5 })])),
  )
  const report = await runRestore({ repository, tree, target: folder.path })
  assert.deepEqual([report.problems, report.hardLinks], [[], 149])
  assert.ok(sameFile(...names.map((name) => folder.at(name, 'f'))))
})

test('restore() writes a name as a file of its own where the file system can not link it', {
  skip: noSmallDisk,
}, async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree } = await threeNames()
  using _disk = mountSmallDisk(folder.at('d'), 1)
  const report = await runRestore({ repository, tree, target: folder.path, verify: true })
  assert.deepEqual(report.problems, [])
  assert.equal(report.filesVerified, 4)
  assert.equal(readFileSync(folder.at('d/b'), 'utf8'), 'content')
  assert.equal(statSync(folder.at('d/b')).mode & 0o777, 0o644)
})

test('restore() changes neither content nor metadata of a file through a name that is not of the snapshot', async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree } = await snapshotOf((builder) => [
    builder.file('equal', ['content']),
    builder.file('different', ['content', 'more', 'still more']),
  ])
  const target = folder.at('target')
  mkdirSync(target)
  for (const name of ['equal', 'different']) {
    writeFileSync(folder.at(name), 'content', { mode: 0o600 })
    linkSync(folder.at(name), folder.at('target', name))
  }
  const before = ['equal', 'different'].map((name) => lstatSync(folder.at(name), { bigint: true }))
  for (const overwrite of ['always', 'if-changed'] as const) {
    const report = await runRestore({ repository, tree, target, overwrite })
    assert.deepEqual(report.problems, [])
    for (const [at, name] of ['equal', 'different'].entries()) {
      const { mode, mtimeNs, ino, uid } = lstatSync(folder.at(name), { bigint: true })
      const was = before[at]!
      assert.deepEqual([mode, mtimeNs, ino, uid], [was.mode, was.mtimeNs, was.ino, was.uid])
      assert.equal(readFileSync(folder.at(name), 'utf8'), 'content')
      assert.equal(lstatSync(folder.at('target', name)).mode & 0o777, 0o644)
      assert.ok(!sameFile(folder.at(name), folder.at('target', name)))
    }
  }
})

test('restore() makes symlinks of every kind as they are, and mends those that are different', async () => {
  await using folder = temporaryFolder('restore')
  const targets = ['../outside', '/absolute/nowhere', '.', 'b\udcff\udc80', 'x'.repeat(4000), 'a b\nc']
  const { repository, tree } = await snapshotOf((builder) =>
    targets.map((target, number) => builder.symlink(`link ${number}`, target)),
  )
  const linkTargets = (): string[] => targets.map((_, number) => readlinkSync(folder.at(`link ${number}`), 'latin1'))
  const wanted = targets.map((target) => target.replace('\udcff\udc80', '\xff\x80'))
  const report = await runRestore({ repository, tree, target: folder.path })
  assert.deepEqual([report.problems, report.others], [[], targets.length])
  assert.deepEqual(linkTargets(), wanted)
  assert.equal(lstatSync(folder.at('link 0'), { bigint: true }).mtimeNs, 1_767_323_045_123_456_789n)
  const inode = lstatSync(folder.at('link 1')).ino
  for (const make of [
    (path: string) => symlinkSync('elsewhere', path),
    (path: string) => writeFileSync(path, 'a file'),
    (path: string) => mkdirSync(path),
  ]) {
    rmSync(folder.at('link 0'), { recursive: true })
    make(folder.at('link 0'))
    assert.deepEqual((await runRestore({ repository, tree, target: folder.path })).problems, [])
    assert.deepEqual(linkTargets(), wanted)
  }
  assert.equal(lstatSync(folder.at('link 1')).ino, inode)
})

test('restore() makes fifos and, for root, devices', async (context) => {
  await using folder = temporaryFolder('restore')
  const { repository, tree } = await snapshotOf(() => [
    { ...node('dev', 'block', 0o660), device: 0x7c8 },
    { ...node('chardev', 'character', 0o666), device: 0x103 },
    node('fifo', 'fifo', 0o640),
    { ...node('chardev', 'large', 0o600), device: 2n ** 63n },
  ])
  for (let round = 0; round < 2; round++) {
    const report = await runRestore({ repository, tree, target: folder.path })
    const fifo = lstatSync(folder.at('fifo'), { bigint: true })
    assert.ok(fifo.isFIFO())
    assert.equal(fifo.mode & 0o7777n, 0o640n)
    assert.equal(fifo.mtimeNs, 1_767_323_045_123_456_789n)
    if (!isRoot) {
      assert.equal(report.problems.length, 3)
      context.diagnostic('devices are left out: only root can make them')
      continue
    }
    assert.deepEqual(problemLines(report), ['/large: target_failed'])
    assert.equal(report.others, 3)
    assert.equal(lstatSync(folder.at('block')).rdev, 0x7c8)
    assert.ok(lstatSync(folder.at('character')).isCharacterDevice())
    assert.equal(lstatSync(folder.at('character')).mode & 0o7777, 0o666)
    // A device with another number is made anew.
    rmSync(folder.at('character'))
    execFileSync('mknod', [folder.at('character'), 'c', '1', '5'])
  }
})
