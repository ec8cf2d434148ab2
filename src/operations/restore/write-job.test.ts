import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { Failure, isFailure } from '../../base/failure.ts'
import { TargetFolder } from '../../sources/files/target-folder.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { node } from '../../../testing/snapshot-builder.ts'
import { OpenDirectories } from './open-directories.ts'
import { finishJob, prepareJob } from './prepare-job.ts'
import type { BlobToWrite, FileTarget } from './restore-job.ts'
import type { RestoreWorkerContext } from './restore-worker-context.ts'
import { writeJob } from './write-job.ts'

/** Contents lie in a list, and a blob's `at` is its place there; what is undefined is damaged. */
function contextIn(
  folder: TemporaryFolder,
  contents: readonly (Buffer | undefined)[],
  onOpen: () => void = () => {},
): RestoreWorkerContext & Disposable {
  const directories = new OpenDirectories(TargetFolder.open(folder.path, { create: false }))
  return {
    directories,
    blobs: {
      openAt: (at) => {
        onOpen()
        const content = contents[at]
        if (content === undefined) throw new Failure('repository_damaged', `Blob ${at} is damaged`)
        return Buffer.from(content)
      },
    },
    sparse: true,
    [Symbol.dispose]: () => directories.close(),
  }
}

function blob(at: number, writes: readonly number[]): BlobToWrite {
  return { id: hash('sha256', `${at}`), at, length: 1, uncompressedLength: undefined, writes }
}

function target(name: string, size: number): FileTarget {
  return { directory: 0, node: node('file', name, 0o640), size }
}

const one = [[]] as const

test('writeJob() writes whole files and gives them their metadata, and parts where they belong', async () => {
  await using folder = temporaryFolder('write-job')
  using context = contextIn(folder, [Buffer.from('abc'), Buffer.from('DE')])
  writeFileSync(folder.at('part'), '......')
  const answer = writeJob(
    {
      kind: 'write',
      check: 'content',
      directories: one,
      whole: [target('whole', 8), target('empty', 0)],
      parts: [{ ...target('part', 6), content: 'keep' }],
      blobs: [blob(0, [0, 0, 2, 3, 0, 5]), blob(1, [0, 3])],
    },
    context,
  )
  assert.deepEqual(answer, { kind: 'write', bytesWritten: 11, problems: [], damaged: [] })
  assert.equal(readFileSync(folder.at('whole'), 'utf8'), 'abcDEabc')
  assert.equal(readFileSync(folder.at('part'), 'utf8'), '...abc')
  assert.equal(readFileSync(folder.at('empty'), 'utf8'), '')
  for (const name of ['whole', 'empty']) {
    assert.equal(statSync(folder.at(name)).mode & 0o7777, 0o640)
    assert.equal(statSync(folder.at(name), { bigint: true }).mtimeNs, 1_767_323_045_123_456_789n)
  }
  assert.notEqual(statSync(folder.at('part')).mode & 0o7777, 0o640)
})

test('writeJob() leaves out what is damaged, and gives such a file no metadata', async () => {
  await using folder = temporaryFolder('write-job')
  using context = contextIn(folder, [Buffer.from('abc'), undefined])
  const job = {
    kind: 'write',
    check: 'content',
    directories: one,
    whole: [target('broken', 6), target('well', 3)],
    parts: [],
    blobs: [blob(1, [0, 0]), blob(0, [0, 3, 1, 0])],
  } as const
  const answer = writeJob(job, context)
  assert.deepEqual(answer.damaged, [{ blob: 0, detail: 'Blob 1 is damaged' }])
  assert.deepEqual(answer.problems, [])
  assert.equal(readFileSync(folder.at('broken'), 'latin1'), '\0\0\0abc')
  assert.equal(statSync(folder.at('broken')).mode & 0o7777, 0o600)
  assert.equal(statSync(folder.at('well')).mode & 0o7777, 0o640)
})

test('writeJob() tells the trouble with a file once, and writes the others', async () => {
  await using folder = temporaryFolder('write-job')
  using context = contextIn(folder, [Buffer.from('abc'), Buffer.from('def')])
  mkdirSync(folder.at('full/inside'), { recursive: true })
  const before = readdirSync('/proc/self/fd').length
  const { problems, bytesWritten } = writeJob(
    {
      kind: 'write',
      check: 'content',
      directories: one,
      whole: [target('full', 6), target('well', 3)],
      parts: [{ ...target('gone', 6), content: 'new' }],
      blobs: [blob(0, [0, 0, 1, 0, 2, 0]), blob(1, [0, 3, 2, 3])],
    },
    context,
  )
  assert.deepEqual(
    problems.map(({ file, what, code }) => ({ file, what, code })),
    [
      { file: 0, what: 'file', code: 'target_failed' },
      { file: 2, what: 'file', code: 'target_failed' },
    ],
  )
  assert.equal(bytesWritten, 3)
  assert.equal(readFileSync(folder.at('well'), 'utf8'), 'abc')
  assert.deepEqual(readdirSync(folder.path).toSorted(), ['full', 'well'])
  assert.equal(readdirSync('/proc/self/fd').length, before)
})

test('writeJob() writes nothing into what took the place of a file that was prepared', async () => {
  await using folder = temporaryFolder('write-job')
  using context = contextIn(folder, [Buffer.from('abc')])
  writeFileSync(folder.at('victim'), 'untouched')
  symlinkSync('victim', folder.at('part'))
  const { problems } = writeJob(
    {
      kind: 'write',
      check: 'content',
      directories: one,
      whole: [],
      parts: [{ ...target('part', 3), content: 'new' }],
      blobs: [blob(0, [0, 0])],
    },
    context,
  )
  assert.equal(problems.length, 1)
  assert.equal(readFileSync(folder.at('victim'), 'utf8'), 'untouched')
})

test('writeJob() has few files open, however many wait for more of their content', async () => {
  await using folder = temporaryFolder('write-job')
  const count = 500
  const before = readdirSync('/proc/self/fd').length
  let most = 0
  const contents = Array.from({ length: count + 1 }, (_, number) => Buffer.from(`blob ${number}`.padEnd(10)))
  using context = contextIn(folder, contents, () => {
    most = Math.max(most, readdirSync('/proc/self/fd').length - before)
  })
  const names = Array.from({ length: count }, (_, number) => `f${number}`)
  // Each begins with the same blob, and goes on with one of its own.
  const shared = blob(
    0,
    names.flatMap((_, number) => [number, 0]),
  )
  const own = names.map((_, number) => blob(number + 1, [number, 10]))
  const answer = writeJob(
    {
      kind: 'write',
      check: 'content',
      directories: one,
      whole: names.map((name) => target(name, 20)),
      parts: [],
      blobs: [shared, ...own],
    },
    context,
  )
  assert.deepEqual(answer.problems, [])
  assert.ok(most <= 140, `${most} were open`)
  assert.equal(readdirSync('/proc/self/fd').length, before + 1)
  for (const [number, name] of names.entries()) {
    assert.equal(readFileSync(folder.at(name), 'utf8'), `${'blob 0'.padEnd(10)}${`blob ${number + 1}`.padEnd(10)}`)
    assert.equal(lstatSync(folder.at(name)).mode & 0o7777, 0o640)
  }
})

test('writeJob() leaves out long zeros of files that are new, and takes the room of them back from others', async () => {
  await using folder = temporaryFolder('write-job')
  const zeros = Buffer.alloc(1024 * 1024)
  using context = contextIn(folder, [Buffer.from('x'.repeat(4096)), zeros])
  writeFileSync(folder.at('kept'), Buffer.alloc(zeros.length, 1))
  prepareJob(
    { kind: 'prepare', directories: one, files: [target('prepared', 4096 + zeros.length)], content: 'new' },
    context,
  )
  const answer = writeJob(
    {
      kind: 'write',
      check: 'content',
      directories: one,
      whole: [target('whole', 4096 + zeros.length)],
      parts: [
        { ...target('prepared', 4096 + zeros.length), content: 'new' },
        { ...target('kept', zeros.length), content: 'keep' },
      ],
      blobs: [blob(0, [0, 0, 1, 0]), blob(1, [0, 4096, 1, 4096, 2, 0])],
    },
    context,
  )
  assert.deepEqual(answer.problems, [])
  for (const [name, beginning] of [
    ['whole', 4096],
    ['prepared', 4096],
    ['kept', 0],
  ] as const) {
    assert.ok(statSync(folder.at(name)).blocks <= 16, `${name} has ${statSync(folder.at(name)).blocks} blocks`)
    const content = Buffer.concat([Buffer.alloc(beginning, 'x'), zeros])
    assert.ok(readFileSync(folder.at(name)).equals(content), name)
  }
})

test('writeJob() writes zeros out where holes are not wanted', async () => {
  await using folder = temporaryFolder('write-job')
  using context = contextIn(folder, [Buffer.alloc(1024 * 1024)])
  const job = { kind: 'write', check: 'content', directories: one, parts: [], blobs: [blob(0, [0, 0])] } as const
  writeJob({ ...job, whole: [target('solid', 1024 * 1024)] }, { ...context, sparse: false })
  assert.ok(statSync(folder.at('solid')).blocks >= 2048)
})

test('writeJob() fails as a whole where the machine and not the file is at fault', async () => {
  await using folder = temporaryFolder('write-job')
  using context = contextIn(folder, [Buffer.from('abc')])
  const broken: RestoreWorkerContext = {
    ...context,
    blobs: {
      openAt: () => {
        throw new Failure('defect', 'on purpose')
      },
    },
  }
  const before = readdirSync('/proc/self/fd').length
  const parts = [{ ...target('part', 3), content: 'new' }] as const
  writeFileSync(folder.at('part'), '')
  assert.throws(
    () =>
      writeJob(
        { kind: 'write', check: 'content', directories: one, whole: [], parts, blobs: [blob(0, [0, 0])] },
        broken,
      ),
    (error) => isFailure(error, 'defect'),
  )
  assert.equal(readdirSync('/proc/self/fd').length, before)
})

test('prepareJob() makes files of their length, or keeps what is there, and finishJob() gives them metadata', async () => {
  await using folder = temporaryFolder('write-job')
  using context = contextIn(folder, [])
  writeFileSync(folder.at('long'), 'too long')
  writeFileSync(folder.at('old'), 'of old')
  const prepare = { kind: 'prepare', directories: one } as const
  assert.deepEqual(prepareJob({ ...prepare, files: [target('old', 5)], content: 'new' }, context).problems, [])
  const kept = prepareJob({ ...prepare, files: [target('absent', 3), target('long', 3)], content: 'keep' }, context)
  assert.deepEqual(
    kept.problems.map(({ file, what }) => ({ file, what })),
    [{ file: 0, what: 'file' }],
  )
  assert.equal(readFileSync(folder.at('long'), 'utf8'), 'too')
  assert.equal(readFileSync(folder.at('old'), 'latin1'), '\0\0\0\0\0')
  const files = [target('absent', 3), target('long', 3), { ...target('x', 1), directory: 1 }]
  const finished = finishJob({ kind: 'finish', directories: [[], ['nowhere']], files }, context)
  assert.deepEqual(new Set(finished.problems.map(({ file }) => file)), new Set([0, 2]))
  assert.equal(statSync(folder.at('long')).mode & 0o7777, 0o640)
})
