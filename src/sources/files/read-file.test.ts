import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { close } from '../../posix/open.ts'
import { readAt } from '../../posix/read.ts'
import { gapOfError, isHole } from './gap.ts'
import { changedWhileReading, openFile } from './read-file.ts'
import { openDirectory } from './scan-directory.ts'

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync('/tmp/read-file-')
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('openFile() opens a regular file by name and leaves its access time alone', (context) => {
  const folder = temporaryFolder(context)
  const path = join(folder, 'file')
  writeFileSync(path, 'text')
  utimesSync(path, 1000, 2000)
  const fd = openDirectory(folder)
  const file = openFile('file', fd)
  close(fd)
  assert.ok(file !== undefined)
  const bytes = Buffer.from(new SharedArrayBuffer(10), 3, 6)
  assert.equal(readAt(file.fd, bytes, 0), 4)
  assert.equal(bytes.toString('utf8', 0, 4), 'text')
  assert.equal(changedWhileReading(file, path, 4), undefined)
  close(file.fd)
  assert.equal(statSync(path).atimeMs, 1_000_000)
})

test('openFile() answers undefined for a fifo without waiting, and for a directory', (context) => {
  const folder = temporaryFolder(context)
  execFileSync('mkfifo', [join(folder, 'fifo')])
  assert.equal(openFile(join(folder, 'fifo')), undefined)
  assert.equal(openFile(folder), undefined)
})

test('openFile() does not follow a symlink', (context) => {
  const folder = temporaryFolder(context)
  symlinkSync('/etc/passwd', join(folder, 'link'))
  assert.throws(() => openFile(join(folder, 'link')), { code: 'ELOOP' })
})

test('changedWhileReading() tells of growth, of a write of the same size, of another mode, of bytes that were not there', (context) => {
  const path = join(temporaryFolder(context), 'file')
  const changes: readonly [string, () => void, RegExp][] = [
    ['growth', () => appendFileSync(path, 'more'), /size went from 4 to 8/],
    ['write', () => utimesSync(path, 1, 1), /written to/],
    ['mode', () => chmodSync(path, 0o640), /metadata/],
    ['removal', () => unlinkSync(path), /metadata/],
  ]
  for (const [name, change, expected] of changes) {
    writeFileSync(path, 'text')
    utimesSync(path, 5, 5)
    const file = openFile(path)!
    assert.equal(changedWhileReading(file, path, 4), undefined)
    assert.match(changedWhileReading(file, path, 3)!.detail, /3 bytes were read/)
    change()
    const gap = changedWhileReading(file, path, 4)
    close(file.fd)
    assert.equal(gap?.reason, 'changed', name)
    assert.match(gap.detail, expected)
    assert.equal(gap.path, path)
  }
})

function reasonOf(path: string): string {
  try {
    openFile(path)
  } catch (error) {
    const gap = gapOfError(path, error)
    assert.ok(isHole(gap))
    return gap.reason
  }
  return 'none'
}

test('gapOfError() tells why a file could not be opened', (context) => {
  const folder = temporaryFolder(context)
  mkdirSync(join(folder, 'a'))
  writeFileSync(join(folder, 'a/file'), '')
  assert.equal(reasonOf(join(folder, 'a/file')), 'none')
  renameSync(join(folder, 'a'), join(folder, 'b'))
  assert.equal(reasonOf(join(folder, 'a/file')), 'vanished')
  writeFileSync(join(folder, 'a'), '')
  assert.equal(reasonOf(join(folder, 'a/file')), 'vanished')
  symlinkSync('x', join(folder, 'link'))
  assert.equal(reasonOf(join(folder, 'link')), 'changed')
  assert.equal(gapOfError('/x', { code: 'EACCES' }).reason, 'denied')
  assert.equal(gapOfError('/x', new Error('odd')).reason, 'unreadable')
})

test('isHole() is false for sockets only', () => {
  assert.equal(isHole({ path: '/x', reason: 'socket', detail: '' }), false)
  assert.equal(isHole({ path: '/x', reason: 'vanished', detail: '' }), true)
})
