import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { isFailure } from '../../base/failure.ts'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import type { Id } from '../../model/id.ts'
import type { Repository } from '../../repository/repository.ts'
import { openBelow } from '../../../testing/open-below.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { problemLines, runRestore } from '../../../testing/run-restore.ts'
import { seededRandom } from '../../../testing/seeded-random.ts'
import { SnapshotBuilder } from '../../../testing/snapshot-builder.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { treeDifferences } from '../../../testing/tree-differences.ts'
import type { Progress } from '../progress.ts'
import { restore } from './restore.ts'

const random = seededRandom('restore')
const mib = 1024 * 1024

/** A snapshot with files of many kinds of content, in packs that do not follow them. */
async function sample(
  compression: 'on' | 'off' = 'off',
): Promise<{ repository: Repository; tree: Id; contents: Record<string, Buffer> }> {
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository, { compression })
  const [a, b, c] = [random.bytes(3 * mib), random.bytes(2 * mib), random.bytes(900_000)]
  const small = Buffer.from('a small blob')
  builder.data(c)
  builder.endPack()
  const nodes = [
    builder.file('empty', []),
    builder.file('one', [small]),
    builder.file('same', [small, small, small]),
    builder.file('spans', [a, b, c, small, a]),
  ]
  builder.endPack()
  nodes.push(builder.directory('sub', [builder.file('packs', [small, c, random.bytes(100)]), builder.file('z', [b])]))
  const tree = builder.tree(nodes)
  await builder.end()
  const contents: Record<string, Buffer> = {
    empty: Buffer.alloc(0),
    one: small,
    same: Buffer.concat([small, small, small]),
    spans: Buffer.concat([a, b, c, small, a]),
    'sub/z': b,
  }
  return { repository, tree, contents }
}

const sampleFiles = 6

for (const compression of ['on', 'off'] as const) {
  test(`restore() brings back files of one blob, of none, of several packs (compression ${compression})`, async () => {
    await using folder = temporaryFolder('restore')
    const { repository, tree, contents } = await sample(compression)
    const target = folder.at('new/target')
    const report = await runRestore({ repository, tree, target, workers: 2, verify: true })
    assert.deepEqual(report.problems, [])
    for (const [name, content] of Object.entries(contents)) {
      assert.ok(readFileSync(`${target}/${name}`).equals(content), name)
      assert.equal(statSync(`${target}/${name}`, { bigint: true }).mtimeNs, 1_767_323_045_123_456_789n)
      assert.equal(statSync(`${target}/${name}`).mode & 0o7777, 0o644)
    }
    const bytes = readdirSync(target, { recursive: true })
      .map((name) => lstatSync(`${target}/${String(name)}`))
      .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0)
    const { files, filesVerified, filesSkipped, bytesWritten, directories } = report
    assert.deepEqual(
      { files, filesVerified, filesSkipped, bytesWritten, directories, bytes: report.bytes },
      { files: sampleFiles, filesVerified: sampleFiles, filesSkipped: 0, bytesWritten: bytes, directories: 1, bytes },
    )
    assert.equal(statSync(`${target}/sub`, { bigint: true }).mtimeNs, 1_767_323_045_123_456_789n)
    assert.equal(statSync(folder.at('new')).mode & 0o7777, 0o700)
  })
}

test('restore() again writes nothing, and changes nothing', async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree } = await sample()
  const target = folder.at('target')
  await runRestore({ repository, tree, target })
  const states = (): unknown =>
    readdirSync(target, { recursive: true })
      .map(String)
      .toSorted()
      .map((name) => {
        const { ino, ctimeNs, mtimeNs, atimeNs } = lstatSync(`${target}/${name}`, { bigint: true })
        // Directories get their metadata again, as things may be made in them.
        return lstatSync(`${target}/${name}`).isDirectory() ? [name, ino] : [name, ino, ctimeNs, mtimeNs, atimeNs]
      })
  const before = states()
  for (const overwrite of ['always', 'if-changed', 'if-newer', 'never'] as const) {
    const report = await runRestore({ repository, tree, target, overwrite })
    const { bytesWritten, files, filesSkipped, bytes, bytesSkipped, problems } = report
    assert.deepEqual(
      { bytesWritten, files, filesSkipped, problems },
      { bytesWritten: 0, files: 6, filesSkipped: 6, problems: [] },
    )
    assert.equal(bytes, bytesSkipped)
    assert.deepEqual(states(), before, overwrite)
  }
})

test('restore() mends what was cut, changed, removed, made longer or replaced, and writes only what is wrong', async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree, contents } = await sample()
  const target = folder.at('target')
  await runRestore({ repository, tree, target })
  await runRestore({ repository, tree, target: folder.at('wanted') })
  const spans = `${target}/spans`
  const inode = statSync(spans).ino
  const flip = (at: number): void => {
    const bytes = readFileSync(spans)
    bytes[at]! ^= 1
    writeFileSync(spans, bytes)
  }
  const size = contents['spans']!.length
  const cases: [what: string, damage: () => void, bytesWritten: number][] = [
    ['one bit in the first blob', () => flip(5), 3 * mib],
    ['one bit in the second', () => flip(4 * mib), 2 * mib],
    ['the last byte cut off', () => truncateSync(spans, size - 1), 3 * mib],
    ['cut in the third blob', () => truncateSync(spans, 5 * mib + 1), 900_000 + 12 + 3 * mib],
    ['longer', () => appendFileSync(spans, 'more'), 0],
    ['without its content', () => truncateSync(spans, 0), size],
    ['a longer empty file', () => appendFileSync(`${target}/empty`, 'more'), 0],
    ['a missing file', () => rmSync(`${target}/one`), 12],
    ['a file made a directory', () => replace(`${target}/one`, (path) => mkdirSync(path)), 12],
    ['a directory made a file', () => replace(`${target}/sub`, (path) => writeFileSync(path, '')), 2 * mib + 900_112],
  ]
  for (const [what, damage, bytesWritten] of cases) {
    damage()
    const report = await runRestore({ repository, tree, target })
    assert.deepEqual(report.problems, [], what)
    assert.equal(report.bytesWritten, bytesWritten, what)
    assert.equal(report.files, sampleFiles, what)
    // The target's own time is nobody's: the snapshot has no node for it.
    const differences = treeDifferences(folder.at('wanted'), target).filter((line) => !line.startsWith('.:'))
    assert.deepEqual(differences, [], what)
    assert.equal(statSync(spans).ino, inode, `${what}: the file is mended and not made anew`)
  }
})

function replace(path: string, make: (path: string) => void): void {
  rmSync(path, { recursive: true })
  make(path)
}

test('restore() puts files in the place of symlinks, fifos and directories without a trace of zeros', async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree, contents } = await sample()
  const target = folder.at('target')
  for (const make of [
    () => execFileSync('ln', ['-s', '../outside', `${target}/spans`]),
    () => execFileSync('mkfifo', [`${target}/spans`]),
    () => mkdirSync(`${target}/spans`),
  ]) {
    for (const overwrite of ['always', 'if-changed'] as const) {
      rmSync(target, { recursive: true, force: true })
      mkdirSync(target)
      make()
      writeFileSync(folder.at('outside'), 'untouched')
      const report = await runRestore({ repository, tree, target, overwrite })
      assert.deepEqual(report.problems, [])
      assert.ok(readFileSync(`${target}/spans`).equals(contents['spans']!))
      assert.equal(readFileSync(folder.at('outside'), 'utf8'), 'untouched')
    }
  }
})

test('restore() leaves a directory that holds something in the place of a file, and says so once', async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree } = await sample()
  const target = folder.at('target')
  for (const name of ['spans', 'one', 'empty'])
    mkdirSync(`${target}/${name}/precious`, { recursive: true, mode: 0o750 })
  const report = await runRestore({ repository, tree, target, workers: 2 })
  assert.deepEqual(problemLines(report).toSorted(), [
    '/empty: target_failed',
    '/one: target_failed',
    '/spans: target_failed',
  ])
  assert.equal(report.files, sampleFiles - 3)
  for (const name of ['spans', 'one', 'empty']) {
    assert.ok(existsSync(`${target}/${name}/precious`))
    assert.equal(statSync(`${target}/${name}`).mode & 0o7777, 0o750, 'it did not get the metadata of the file')
  }
})

test('restore() leaves nothing open', async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree } = await sample()
  await runRestore({ repository, tree, target: folder.at('target'), workers: 2, verify: true })
  assert.deepEqual(openBelow(folder.path), [])
  await runRestore({ repository, tree, target: folder.at('target'), workers: 2, dryRun: true })
  assert.deepEqual(openBelow(folder.path), [])
})

test('restore() in a dry run tells what it would do, and writes nothing', async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree } = await sample()
  const target = folder.at('target')
  const absent = await runRestore({ repository, tree, target, dryRun: true, verify: true })
  assert.equal(absent.files, sampleFiles)
  assert.equal(absent.directories, 1)
  assert.equal(absent.filesVerified, undefined)
  assert.deepEqual(readdirSync(folder.path), [])

  await runRestore({ repository, tree, target })
  writeFileSync(`${target}/one`, 'changed')
  rmSync(`${target}/sub`, { recursive: true })
  writeFileSync(`${target}/sub`, 'in the way')
  const facts = execFileSync('find', [target, '-printf', '%p %i %s %T@ %C@\n'], { encoding: 'utf8' })
  for (const overwrite of ['always', 'if-changed', 'if-newer', 'never'] as const) {
    const report = await runRestore({ repository, tree, target, overwrite, dryRun: true })
    assert.equal(report.bytesWritten, 0)
    const expected = { always: [6, 3], 'if-changed': [6, 3], 'if-newer': [6, 4], never: [4, 4] }[overwrite]
    assert.deepEqual([report.files, report.filesSkipped], expected, overwrite)
    assert.deepEqual(problemLines(report), overwrite === 'never' ? ['/sub: target_failed'] : [])
  }
  assert.equal(execFileSync('find', [target, '-printf', '%p %i %s %T@ %C@\n'], { encoding: 'utf8' }), facts)
})

test('restore() takes what is included without what is excluded, and a part of the snapshot', async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree } = await sample()
  const selection = { include: ['sub', 'o*'], exclude: ['z'] }
  const report = await runRestore({ repository, tree, target: folder.at('a'), selection, verify: true })
  const names = readdirSync(folder.at('a'), { encoding: 'utf8', recursive: true })
  assert.deepEqual(new Set(names), new Set(['one', 'sub', 'sub/packs']))
  assert.equal(report.filesVerified, 2)
  await runRestore({ repository, tree, target: folder.at('b'), subpath: '/sub' })
  assert.deepEqual(readdirSync(folder.at('b')).toSorted(), ['packs', 'z'])
  await runRestore({ repository, tree, target: folder.at('c'), subpath: '/sub/z' })
  assert.deepEqual(readdirSync(folder.at('c')), ['z'])
  await assert.rejects(runRestore({ repository, tree, target: folder.at('d'), subpath: '/absent' }), (error) =>
    isFailure(error, 'path_missing'),
  )
  assert.ok(!existsSync(folder.at('d')))
})

test('restore() with verify finds a file that somebody changed before it was read back', async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree } = await sample()
  const target = folder.at('target')
  const phases = new Set<string>()
  const progress = ({ phase, filesDone }: Progress): void => {
    phases.add(phase)
    if (phase !== 'restore' || filesDone < sampleFiles) return
    writeFileSync(`${target}/one`, 'a SMALL blob')
    rmSync(`${target}/same`, { force: true })
  }
  const request = { repository, tree, target, overwrite: 'always', sparse: true, dryRun: false, workers: 1 } as const
  const report = await restore({ ...request, verify: true }, { clock: systemClock, progress }, neverStopped())
  assert.deepEqual(
    report.problems.map(({ path, code, detail }) => `${path} ${code} ${detail}`),
    [
      '/one not_proven Read back after the restore: its content differs from the snapshot',
      '/same not_proven Read back after the restore: it is not there',
    ],
  )
  assert.equal(report.filesVerified, sampleFiles - 2)
  assert.deepEqual([...phases], ['restore', 'verify'])
  assert.deepEqual((await runRestore({ repository, tree, target, verify: true })).problems, [])
})

test('restore() with verify reads what was taken to be right by its looks, and leaves access times alone', async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree } = await sample()
  const target = folder.at('target')
  await runRestore({ repository, tree, target })
  writeFileSync(`${target}/one`, 'a SMALL blob')
  execFileSync('touch', ['-d', '2026-01-02T03:04:05.123456789Z', `${target}/one`])
  const report = await runRestore({ repository, tree, target, overwrite: 'if-changed', verify: true })
  assert.deepEqual(problemLines(report), ['/one: not_proven'])
  assert.equal(statSync(`${target}/spans`, { bigint: true }).atimeNs, 1_767_323_045_123_456_789n)
})

test('restore() tells how far it is, with true figures at the end', async () => {
  await using folder = temporaryFolder('restore')
  const { repository, tree } = await sample()
  const seen: Progress[] = []
  const totals = { files: sampleFiles, bytes: 1 }
  const request = { repository, tree, target: folder.at('t'), overwrite: 'always', sparse: true } as const
  const report = await restore(
    { ...request, dryRun: false, verify: false, totals, workers: 1 },
    { clock: systemClock, progress: (progress) => seen.push(progress) },
    neverStopped(),
  )
  const last = seen.at(-1)!
  assert.equal(last.filesDone, sampleFiles)
  assert.equal(last.filesTotal, sampleFiles)
  assert.equal(last.bytesDone, report.bytes)
  for (let at = 1; at < seen.length; at++) assert.ok(seen[at]!.filesDone >= seen[at - 1]!.filesDone)
})
