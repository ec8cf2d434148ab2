import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { test } from 'node:test'
import type { ByteName } from '../../base/byte-name.ts'
import { noOrdinaryUser } from '../../../testing/ordinary-user.ts'
import { isFailure } from '../../base/failure.ts'
import type { Repository } from '../../repository/repository.ts'
import { isHole } from '../../sources/files/gap.ts'
import { faultStorage } from '../../storage/fault-storage.ts'
import type { BackupReport } from './back-up.ts'
import {
  assertSound,
  type BackupChanges,
  backUpPaths,
  reopened,
  storedEntries,
  type StoredEntry,
} from '../../../testing/back-up-folder.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { mountSmallDisk, noSmallDisk } from '../../../testing/small-disk.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'

const random = seededRandom('back up, unsteady')
const megabyte = 1024 * 1024

async function backUpRoot(
  repository: Repository,
  folder: TemporaryFolder,
  changes: BackupChanges = {},
): Promise<BackupReport & { readonly entries: Map<ByteName, StoredEntry> }> {
  const options = { workingDirectory: folder.path, packBytes: megabyte, ...changes }
  const report = await backUpPaths(repository, ['root'], options)
  return { ...report, entries: await storedEntries(repository, report.tree) }
}

/**
 * A repository that does something when its first pack comes to be stored. One worker is then no further than two
 * packs and what it has read ahead, some 12 MiB, and waits for this.
 */
async function actingRepository(act: () => void): Promise<Repository> {
  let isDone = false
  const before = (): void => {
    if (!isDone) act()
    isDone = true
  }
  const repository = await freshRepository()
  return await reopened(
    repository,
    faultStorage(repository.storage, { before: ({ verb }) => (verb === 'put' ? before() : undefined) }),
  )
}

function gapsOf({ gaps }: BackupReport, folder: TemporaryFolder): string[] {
  return gaps.map(({ path, reason }) => `${path.slice(folder.path.length + 6)} ${reason}`).toSorted()
}

test('backUp() makes gaps of what vanishes, changes its type or can not be read between listing and reading', async () => {
  await using folder = temporaryFolder('back-up-unsteady')
  const root = folder.at('root')
  mkdirSync(`${root}/z/deep`, { recursive: true })
  mkdirSync(`${root}/y`)
  writeFileSync(`${root}/z/deep/file`, 'x')
  for (let at = 10; at < 70; at++) writeFileSync(`${root}/f${at}`, random.bytes(megabyte / 2))
  const repository = await actingRepository(() => {
    unlinkSync(`${root}/f60`)
    unlinkSync(`${root}/f61`)
    mkdirSync(`${root}/f61`)
    unlinkSync(`${root}/f62`)
    symlinkSync('f10', `${root}/f62`)
    unlinkSync(`${root}/f63`)
    execFileSync('mkfifo', [`${root}/f63`])
    appendFileSync(`${root}/f64`, 'more')
    truncateSync(`${root}/f65`, 100)
    writeFileSync(`${root}/f66`, '')
    rmSync(`${root}/z`, { recursive: true })
    rmSync(`${root}/y`, { recursive: true })
    symlinkSync('/etc', `${root}/y`)
  })
  const report = await backUpRoot(repository, folder)
  // Whether attributes of a directory were asked for before it vanished is by chance.
  const gaps = gapsOf(report, folder).filter((gap) => !gap.endsWith('metadata'))
  assert.deepEqual(gaps, ['f60 vanished', 'f61 changed', 'f62 changed', 'f63 changed', 'y vanished', 'z vanished'])
  assert.ok(report.gaps.every(isHole))
  // These changed after they were listed and before they were read, so they are whole.
  for (const name of ['f64', 'f65', 'f66']) {
    assert.equal(report.entries.get(`root/${name}`)?.content, hash('sha256', readFileSync(`${root}/${name}`)))
  }
  assert.deepEqual(
    ['f60', 'f61', 'f62', 'f63', 'y', 'z'].filter((name) => report.entries.has(`root/${name}`)),
    [],
  )
  assert.equal(report.summary.files_new, 60 - 4)
  assert.equal(report.entries.size, 1 + 60 - 4)
  await assertSound(repository)
  const next = await backUpRoot(await reopened(repository), folder)
  assert.deepEqual(next.gaps, [])
  assert.equal(next.entries.get('root/y')?.node.linktarget, '/etc')
})

function writeAt(path: string, position: number): void {
  const fd = openSync(path, 'r+')
  writeSync(fd, Buffer.alloc(1000), 0, 1000, position)
  closeSync(fd)
}

const tearings: readonly { readonly name: string; readonly act: (path: string) => void }[] = [
  { name: 'grows', act: (path) => appendFileSync(path, random.bytes(3000)) },
  { name: 'is cut off', act: (path) => truncateSync(path, 1000) },
  { name: 'is written to at its end', act: (path) => writeAt(path, 23 * megabyte) },
  { name: 'is written to at its beginning', act: (path) => writeAt(path, 0) },
]

for (const [how, size] of [
  ['by one worker', 24 * megabyte],
  ['by all workers together', 40 * megabyte],
] as const) {
  for (const { name, act } of tearings) {
    test(`backUp() of a file that ${name} while it is read ${how} tells it, and reads it again the next time`, async () => {
      await using folder = temporaryFolder('back-up-unsteady')
      const path = folder.at('root', 'large')
      mkdirSync(folder.at('root'))
      writeFileSync(path, random.bytes(size))
      utimesSync(path, 1_000_000_000, 1_000_000_000)
      const repository = await actingRepository(() => act(path))
      const torn = await backUpRoot(repository, folder)
      assert.deepEqual(gapsOf(torn, folder), ['large changed'])
      const { node } = torn.entries.get('root/large')!
      assert.equal(torn.summary.total_bytes_processed, node.size)
      assert.equal(node.mtime, '2001-09-09T01:46:40Z')
      const next = await backUpRoot(await reopened(repository), folder)
      assert.deepEqual(next.gaps, [])
      assert.equal(next.summary.files_changed, 1)
      assert.equal(next.entries.get('root/large')!.content, hash('sha256', readFileSync(path)))
      await assertSound(repository)
    })
  }
}

test('backUp() of a large file that vanishes while all workers read it has one gap and no node', async () => {
  await using folder = temporaryFolder('back-up-unsteady')
  const path = folder.at('root', 'large')
  mkdirSync(folder.at('root'))
  writeFileSync(path, random.bytes(80 * megabyte))
  const repository = await actingRepository(() => renameSync(path, folder.at('elsewhere')))
  const report = await backUpRoot(repository, folder, { workers: 2 })
  assert.deepEqual(gapsOf(report, folder), ['large vanished'])
  assert.deepEqual([...report.entries.keys()], ['root'])
  assert.equal(report.summary.total_bytes_processed, 0)
  assert.equal(report.summary.files_new, 0)
})

/** Runs as an ordinary user; what the threads have open already is not affected. */
async function asNobody<Result>(work: () => Promise<Result>): Promise<Result> {
  process.seteuid!(65_534)
  try {
    return await work()
  } finally {
    process.seteuid!(0)
  }
}

test('backUp() makes gaps of what this user may not read, and searches directories that it may not list', {
  skip: noOrdinaryUser,
}, async () => {
  await using folder = temporaryFolder('back-up-unsteady')
  const root = folder.at('root')
  mkdirSync(`${root}/hall/room`, { recursive: true })
  mkdirSync(`${root}/closed`)
  writeFileSync(`${root}/hall/room/file`, 'found')
  writeFileSync(`${root}/closed/file`, 'x')
  writeFileSync(`${root}/open`, 'open')
  writeFileSync(`${root}/secret`, 'secret', { mode: 0o600 })
  writeFileSync(`${root}/large`, '')
  truncateSync(`${root}/large`, 40 * megabyte)
  for (const path of [folder.path, root]) chmodSync(path, 0o755)
  chmodSync(`${root}/large`, 0o600)
  chmodSync(`${root}/closed`, 0o700)
  chmodSync(`${root}/hall`, 0o711)
  const repository = await freshRepository()
  await asNobody(async () => {
    const report = await backUpRoot(repository, folder)
    assert.deepEqual(gapsOf(report, folder), ['closed denied', 'hall denied', 'large denied', 'secret denied'])
    assert.deepEqual([...report.entries.keys()], ['root', 'root/open'])
    const named = await backUpPaths(repository, ['root/hall/room'], { workingDirectory: folder.path })
    assert.deepEqual(named.gaps, [])
    assert.deepEqual(
      [...(await storedEntries(repository, named.tree)).keys()],
      ['root', 'root/hall', 'root/hall/room', 'root/hall/room/file'],
    )
    for (const path of ['root/closed', 'root/secret', 'root/closed/file', 'root/large']) {
      await assert.rejects(backUpPaths(repository, [path], { workingDirectory: folder.path }), (error) =>
        isFailure(error, 'source_unreadable'),
      )
    }
  })
})

test('backUp() stays on the file system of each path that was named, where that is asked for', {
  skip: noSmallDisk,
}, async () => {
  await using folder = temporaryFolder('back-up-unsteady')
  const root = folder.at('root')
  mkdirSync(root)
  {
    using _disk = mountSmallDisk(`${root}/mount`, 1)
    mkdirSync(`${root}/mount/in/er`, { recursive: true })
    writeFileSync(`${root}/mount/in/er/file`, 'x')
    writeFileSync(`${root}/mount/top`, 'x')
    writeFileSync(`${root}/file`, 'x')
    const inside = ['mount/in', 'mount/in/er', 'mount/in/er/file', 'mount/top']
    for (const [paths, oneFileSystem, expected] of [
      [['root'], false, ['file', 'mount', ...inside]],
      [['root'], true, ['file', 'mount']],
      [['root/mount'], true, ['mount', ...inside]],
      [['root', 'root/mount'], true, ['file', 'mount', ...inside]],
      [['root/mount/in', 'root'], true, ['file', 'mount', 'mount/in', 'mount/in/er', 'mount/in/er/file']],
      [['root/mount/top', 'root'], true, ['file', 'mount', 'mount/top']],
    ] as const) {
      const repository = await freshRepository()
      const { tree } = await backUpPaths(repository, paths, { workingDirectory: folder.path, oneFileSystem })
      const found = [...(await storedEntries(repository, tree)).keys()].filter((path) => path !== 'root')
      assert.deepEqual(
        found,
        expected.map((path) => `root/${path}`),
        paths.join(' '),
      )
    }
  }
})
