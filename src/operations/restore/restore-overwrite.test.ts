import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { test } from 'node:test'
import type { Id } from '../../model/id.ts'
import type { Repository } from '../../repository/repository.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { problemLines, runRestore } from '../../../testing/run-restore.ts'
import { SnapshotBuilder } from '../../../testing/snapshot-builder.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { type OverwriteRule, overwriteRules } from './overwrite-rule.ts'

const mtime = '2026-01-02T03:04:05.123456789Z'
const older = '2026-01-02T03:04:05.123456788Z'
const newer = '2026-01-02T03:04:05.123456790Z'

async function sample(): Promise<{ repository: Repository; tree: Id }> {
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository)
  const names = ['absent', 'equal', 'newer', 'older', 'same looks', 'same older']
  const tree = builder.tree([
    ...names.map((name) => builder.file(name, ['content'])),
    builder.symlink('symlink', 'wanted'),
  ])
  await builder.end()
  return { repository, tree }
}

/** A target with a file in every state that a rule tells apart. */
function prepare(folder: TemporaryFolder): void {
  const present = {
    equal: ['content', mtime],
    newer: ['different', newer],
    older: ['different', older],
    'same looks': ['CONTENT', mtime],
    'same older': ['content', older],
  }
  for (const [name, [content, time]] of Object.entries(present)) {
    writeFileSync(folder.at(name), content!)
    chmodSync(folder.at(name), 0o600)
    execFileSync('touch', ['-d', time!, folder.at(name)])
  }
  symlinkSync('different', folder.at('symlink'))
  execFileSync('touch', ['-h', '-d', newer, folder.at('symlink')])
}

/** By file: its content, and whether it got the mode of the snapshot. */
const expected: Record<OverwriteRule, Record<string, string>> = {
  always: {
    absent: 'content 644',
    equal: 'content 644',
    newer: 'content 644',
    older: 'content 644',
    'same looks': 'content 644',
    'same older': 'content 644',
    symlink: 'wanted',
  },
  'if-changed': {
    absent: 'content 644',
    equal: 'content 644',
    newer: 'content 644',
    older: 'content 644',
    'same looks': 'CONTENT 644',
    'same older': 'content 644',
    symlink: 'wanted',
  },
  'if-newer': {
    absent: 'content 644',
    equal: 'content 600',
    newer: 'different 600',
    older: 'content 644',
    'same looks': 'CONTENT 600',
    'same older': 'content 644',
    symlink: 'different',
  },
  never: {
    absent: 'content 644',
    equal: 'content 600',
    newer: 'different 600',
    older: 'different 600',
    'same looks': 'CONTENT 600',
    'same older': 'content 600',
    symlink: 'different',
  },
}

function found(folder: TemporaryFolder): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder.path).map((name) => {
      if (lstatSync(folder.at(name)).isSymbolicLink()) return [name, readlinkSync(folder.at(name))]
      const mode = (statSync(folder.at(name)).mode & 0o777).toString(8)
      return [name, `${readFileSync(folder.at(name), 'utf8')} ${mode}`]
    }),
  )
}

for (const overwrite of overwriteRules) {
  test(`restore() over what is there does as the rule "${overwrite}" says, also with metadata`, async () => {
    await using folder = temporaryFolder('overwrite')
    const { repository, tree } = await sample()
    prepare(folder)
    const dry = await runRestore({ repository, tree, target: folder.path, overwrite, dryRun: true })
    const report = await runRestore({ repository, tree, target: folder.path, overwrite })
    assert.deepEqual(report.problems, [])
    assert.deepEqual(found(folder), expected[overwrite])
    const skipped = { always: 2, 'if-changed': 3, 'if-newer': 4, never: 5 }[overwrite]
    assert.deepEqual([report.files, report.filesSkipped], [6, skipped])
    assert.deepEqual([dry.files, dry.filesSkipped, dry.others], [6, skipped, 1])
    assert.equal(report.bytesWritten, (6 - skipped) * 7)
  })
}

test('restore() with verify finds no fault with files that a rule left alone', async () => {
  for (const overwrite of ['if-newer', 'never'] as const) {
    await using folder = temporaryFolder('overwrite')
    const { repository, tree } = await sample()
    prepare(folder)
    const report = await runRestore({ repository, tree, target: folder.path, overwrite, verify: true })
    // Those that look equal were taken for equal, which reading them back can find to be wrong.
    assert.deepEqual(problemLines(report), ['/same looks: not_proven'])
  }
})

test('restore() completes by "if-changed" what a crash left without metadata', async () => {
  await using folder = temporaryFolder('overwrite')
  const { repository, tree } = await sample()
  for (const name of ['equal', 'newer']) writeFileSync(folder.at(name), 'content', { mode: 0o600 })
  writeFileSync(folder.at('older'), 'con', { mode: 0o600 })
  const report = await runRestore({ repository, tree, target: folder.path, overwrite: 'if-changed' })
  assert.deepEqual(report.problems, [])
  for (const name of ['equal', 'newer', 'older']) {
    assert.equal(readFileSync(folder.at(name), 'utf8'), 'content')
    assert.equal(statSync(folder.at(name)).mode & 0o777, 0o644)
    assert.equal(statSync(folder.at(name), { bigint: true }).mtimeNs, 1_767_323_045_123_456_789n)
  }
})

test('restore() by "never" leaves alone a file in the place of a directory, and an empty directory in that of a file', async () => {
  await using folder = temporaryFolder('overwrite')
  const repository = await freshRepository()
  const builder = new SnapshotBuilder(repository)
  const tree = builder.tree([
    builder.directory('d', [builder.file('f', ['content']), builder.directory('e', [])]),
    builder.file('f', ['content']),
  ])
  await builder.end()
  const run = { repository, tree, target: folder.path }
  writeFileSync(folder.at('d'), 'of the user')
  mkdirSync(folder.at('f'))
  for (const dryRun of [true, false]) {
    const report = await runRestore({ ...run, overwrite: 'never', dryRun })
    assert.deepEqual(problemLines(report), ['/d: target_failed'])
    assert.equal(readFileSync(folder.at('d'), 'utf8'), 'of the user')
    assert.ok(statSync(folder.at('f')).isDirectory())
  }
  const report = await runRestore({ ...run, overwrite: 'always' })
  assert.deepEqual(report.problems, [])
  assert.equal(readFileSync(folder.at('d/f'), 'utf8'), 'content')
  assert.equal(readFileSync(folder.at('f'), 'utf8'), 'content')
})
