import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import { TargetFolder } from '../../sources/files/target-folder.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { node } from '../../../testing/snapshot-builder.ts'
import { compareJob } from './compare-job.ts'
import { OpenDirectories } from './open-directories.ts'
import type { CompareBy, CompareTarget, Comparison } from './restore-job.ts'

const contents = ['first', '', 'second blob', 'third'].map((text) => Buffer.from(text))
const size = contents.reduce((sum, { length }) => sum + length, 0)

function target(name: string): CompareTarget {
  return {
    directory: 0,
    node: node('file', name, 0o644),
    size,
    content: contents.map((content) => hash('sha256', content)),
    lengths: contents.map(({ length }) => length),
  }
}

function compareIn(folder: TemporaryFolder, by: CompareBy, targets: readonly CompareTarget[]): readonly Comparison[] {
  using directories = new OpenDirectories(TargetFolder.open(folder.path, { create: false }))
  const blobs = { openAt: () => Buffer.alloc(0) }
  const job = { kind: 'compare', directories: [[], ['absent']], files: targets, by } as const
  return compareJob(job, { directories, blobs, sparse: true }).comparisons
}

function compareOne(folder: TemporaryFolder, by: CompareBy, target_ = target('file')): Comparison {
  return compareIn(folder, by, [target_])[0]!
}

function wrongOf(comparison: Comparison): unknown {
  return comparison.state === 'different' ? comparison.wrong : comparison.state
}

const whole = Buffer.concat(contents)
const seconds = 1_767_323_045

test('compareJob() finds the blobs that are wrong, wherever the file is damaged', async () => {
  await using folder = temporaryFolder('compare-job')
  const cases: [change: (bytes: Buffer) => Buffer, wrong: unknown][] = [
    [(bytes) => bytes, 'equal'],
    [(bytes) => bytes.fill('X', 0, 1), [0]],
    [(bytes) => bytes.fill('X', 5, 6), [2]],
    [(bytes) => bytes.fill('X', 4, 6), [0, 2]],
    [(bytes) => bytes.subarray(0, -1), [3]],
    [(bytes) => bytes.subarray(0, 5), [2, 3]],
    [(bytes) => bytes.subarray(0, 0), [0, 2, 3]],
    [(bytes) => Buffer.concat([bytes, Buffer.from('more')]), []],
  ]
  for (const [change, wrong] of cases) {
    writeFileSync(folder.at('file'), change(Buffer.from(whole)))
    assert.deepEqual(wrongOf(compareOne(folder, 'content')), wrong, change.toString())
    assert.deepEqual(wrongOf(compareOne(folder, 'proof')), wrong === 'equal' ? 'equal' : 'all', change.toString())
  }
})

test('compareJob() proves a file by the digest of its whole, of any length', async () => {
  await using folder = temporaryFolder('compare-job')
  for (const length of [0, 1, 1024 * 1024, 1024 * 1024 + 1, 2_500_000]) {
    const bytes = Buffer.alloc(length, 'abc')
    writeFileSync(folder.at('file'), bytes)
    const by = (digest: string, expected: number): unknown => {
      const one = { ...target('file'), content: [], lengths: [], size: expected, digest }
      const comparison = compareOne(folder, 'proof', one)
      return comparison.state === 'different' ? comparison.trouble : comparison.state
    }
    const digest = hash('sha256', bytes)
    assert.equal(by(digest, length), 'equal')
    assert.equal(by(digest, length + 1), `it has ${length} bytes, expected ${length + 1}`)
    const other = hash('sha256', 'other')
    assert.equal(by(other, length), `its SHA-256 is ${digest}, expected ${other}`)
  }
})

test('compareJob() wants anew what is no regular file of one name', async () => {
  await using folder = temporaryFolder('compare-job')
  writeFileSync(folder.at('right'), whole)
  const makes: Record<string, (path: string) => void> = {
    symlink: (path) => symlinkSync('right', path),
    directory: (path) => mkdirSync(path),
    fifo: (path) => execFileSync('mkfifo', [path]),
    shared: (path) => {
      writeFileSync(folder.at('other'), 'X')
      linkSync(folder.at('other'), path)
    },
  }
  for (const [what, make] of Object.entries(makes)) {
    rmSync(folder.at('file'), { recursive: true, force: true })
    make(folder.at('file'))
    for (const by of ['content', 'times', 'presence', 'proof'] as const) {
      assert.equal(wrongOf(compareOne(folder, by)), 'all', `${what} by ${by}`)
    }
  }
  rmSync(folder.at('file'))
  assert.deepEqual(compareOne(folder, 'content'), { state: 'absent' })
  assert.deepEqual(compareOne(folder, 'content', { ...target('file'), directory: 1 }), { state: 'absent' })
})

test('compareJob() trusts size and mtime where it is told to, to the nanosecond', async () => {
  await using folder = temporaryFolder('compare-job')
  writeFileSync(folder.at('file'), Buffer.alloc(size))
  execFileSync('touch', ['-d', '2026-01-02T03:04:05.123456789Z', folder.at('file')])
  assert.equal(compareOne(folder, 'times').state, 'equal')
  assert.equal(compareOne(folder, 'presence').state, 'equal')
  assert.deepEqual(wrongOf(compareOne(folder, 'content')), [0, 2, 3])
  execFileSync('touch', ['-d', '2026-01-02T03:04:05.123456788Z', folder.at('file')])
  assert.equal(wrongOf(compareOne(folder, 'times')), 'all')
  assert.equal(compareOne(folder, 'presence').state, 'different')
  // What has another mtime is equal still where its content is, unless only its looks are asked for.
  writeFileSync(folder.at('file'), whole)
  assert.equal(compareOne(folder, 'times').state, 'equal')
  assert.equal(compareOne(folder, 'presence').state, 'different')
  execFileSync('touch', ['-d', '2026-01-02T03:04:05.123456789Z', folder.at('file')])
  appendFileSync(folder.at('file'), 'more')
  execFileSync('touch', ['-d', '2026-01-02T03:04:05.123456789Z', folder.at('file')])
  assert.equal(compareOne(folder, 'times').state, 'different')
})

test('compareJob() tells whether metadata are right, and leaves them as they are', async () => {
  await using folder = temporaryFolder('compare-job')
  const metadataOf = (): string => {
    const comparison = compareOne(folder, 'content')
    assert.equal(comparison.state, 'equal')
    return comparison.state === 'equal' ? comparison.metadata : ''
  }
  writeFileSync(folder.at('file'), whole, { mode: 0o644 })
  chmodSync(folder.at('file'), 0o644)
  assert.equal(metadataOf(), 'unknown')
  execFileSync('touch', ['-d', '2026-01-02T03:04:05.123456789Z', folder.at('file')])
  const before = statSync(folder.at('file'), { bigint: true })
  assert.equal(metadataOf(), 'right')
  assert.deepEqual(statSync(folder.at('file'), { bigint: true }), before)
  chmodSync(folder.at('file'), 0o640)
  assert.equal(metadataOf(), 'unknown')
})

test('compareJob() wants a file anew rather than change metadata through one of its names', async () => {
  await using folder = temporaryFolder('compare-job')
  writeFileSync(folder.at('theirs'), whole, { mode: 0o600 })
  linkSync(folder.at('theirs'), folder.at('file'))
  assert.equal(wrongOf(compareOne(folder, 'content')), 'all')
  const linked = { ...target('file'), node: { ...node('file', 'file', 0o644), links: 2 } }
  assert.equal(compareOne(folder, 'content', linked).state, 'equal')
  // Where nothing is to be changed, its other names do not matter.
  chmodSync(folder.at('theirs'), 0o644)
  execFileSync('touch', ['-d', '2026-01-02T03:04:05.123456789Z', folder.at('file')])
  assert.equal(compareOne(folder, 'content').state, 'equal')
  assert.equal(compareOne(folder, 'proof').state, 'equal')
})

test('compareJob() answers the mtime of what is there', async () => {
  await using folder = temporaryFolder('compare-job')
  writeFileSync(folder.at('file'), 'x')
  utimesSync(folder.at('file'), seconds, seconds)
  mkdirSync(folder.at('directory'))
  utimesSync(folder.at('directory'), seconds, seconds)
  for (const [name, by] of [
    ['file', 'content'],
    ['file', 'times'],
    ['file', 'presence'],
    ['directory', 'content'],
  ] as const) {
    const comparison = compareOne(folder, by, target(name))
    assert.deepEqual(comparison.state === 'absent' ? undefined : comparison.mtime, { seconds, nanoseconds: 0 })
  }
})
