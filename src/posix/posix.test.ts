import assert from 'node:assert/strict'
import { lstatSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { constants, userInfo } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Worker } from 'node:worker_threads'
import { cString } from './c-string.ts'
import { forEachEntry } from './directory-entries.ts'
import { tryLock, unlock } from './file-lock.ts'
import { reserveSpace, setLength } from './file-space.ts'
import { readLinkAt } from './link.ts'
import { makeDirectoryAt, removeAt, renameAt } from './make-entry.ts'
import { close, openAt, openFlags, workingDirectory } from './open.ts'
import { OwnerNames } from './owner-names.ts'
import { readAt } from './read.ts'
import { statAt, statOpen } from './stat.ts'
import { errnoName, isSystemError, SystemError } from './system-error.ts'
import { writeAt } from './write.ts'

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync('/tmp/posix-')
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('SystemError has the code of its number', () => {
  assert.equal(new SystemError('x', constants.errno.ENOENT).code, 'ENOENT')
  assert.equal(errnoName(constants.errno.EAGAIN), 'EAGAIN')
  assert.equal(errnoName(constants.errno.EOPNOTSUPP), 'ENOTSUP')
  assert.equal(errnoName(9999), 'E9999')
  assert.ok(isSystemError(new SystemError('x', 2)))
  assert.ok(!isSystemError(new SystemError('x', 2), 'EACCES'))
  assert.ok(!isSystemError(new Error('x')))
})

test('openAt() tells the error of the system', () => {
  assert.throws(() => openAt(workingDirectory, cString('/tmp/posix-absent'), openFlags.read), {
    name: 'SystemError',
    code: 'ENOENT',
    systemCall: 'openat',
  })
  assert.throws(() => close(1_000_000), { code: 'EBADF' })
})

test('openAt() opens paths that are longer than the system takes at once', (context) => {
  const folder = temporaryFolder(context)
  const name = 'n'.repeat(200)
  let fd = openAt(workingDirectory, cString(folder), openFlags.read)
  for (let depth = 0; depth < 50; depth++) {
    makeDirectoryAt(fd, cString(name), 0o700)
    const next = openAt(fd, cString(name), openFlags.read)
    close(fd)
    fd = next
  }
  close(openAt(fd, cString('file'), openFlags.write | openFlags.create, 0o600))
  const path = `${folder}/${`${name}/`.repeat(50)}file`
  const file = openAt(workingDirectory, cString(path), openFlags.read | openFlags.noFollow)
  assert.deepEqual(statOpen(file), statAt(fd, cString('file')))
  close(file)
  close(fd)
  assert.throws(() => openAt(workingDirectory, cString(`/${'x'.repeat(5000)}`), 0), { code: 'ENAMETOOLONG' })
  assert.throws(() => openAt(workingDirectory, cString(`${path}s`), 0), { code: 'ENOENT' })
})

test('statOpen() and statAt() agree on devices', () => {
  for (const path of ['/dev/null', '/dev/tty', '/dev/ptmx']) {
    const expected = lstatSync(path)
    const stat = statAt(workingDirectory, cString(path))
    assert.equal(stat.type, 'chardev')
    assert.equal(stat.device, expected.rdev)
    assert.equal(stat.deviceId, expected.dev)
  }
  const fd = openSync('/dev/null', 'r')
  assert.deepEqual(statOpen(fd), statAt(workingDirectory, cString('/dev/null')))
  close(fd)
})

test('forEachEntry() may list a directory while it lists another', (context) => {
  const folder = temporaryFolder(context)
  const names = ['a', 'b', 'c']
  for (const name of names) writeFileSync(join(folder, name), '')
  const list = (visit: (name: string) => void): void => {
    const fd = openAt(workingDirectory, cString(folder), openFlags.read | openFlags.directory)
    forEachEntry(fd, visit)
    close(fd)
  }
  const seen: string[] = []
  list((outer) => list((inner) => seen.push(outer + inner)))
  assert.deepEqual(seen.sort(), ['aa', 'ab', 'ac', 'ba', 'bb', 'bc', 'ca', 'cb', 'cc'])
})

test('forEachEntry() fails on what is no directory', () => {
  const fd = openSync('/dev/null', 'r')
  assert.throws(() => forEachEntry(fd, () => {}), { code: 'ENOTDIR' })
  close(fd)
})

test('readLinkAt() gives back every byte and the longest target', (context) => {
  const folder = temporaryFolder(context)
  const target = Buffer.concat([Buffer.from('x\xff', 'latin1'), Buffer.alloc(4093, 'y')])
  symlinkSync(target, join(folder, 'link'))
  assert.equal(readLinkAt(workingDirectory, cString(join(folder, 'link'))), `x\udcff${'y'.repeat(4093)}`)
  assert.throws(() => readLinkAt(workingDirectory, cString(folder)), { code: 'EINVAL' })
})

test('writeAt() and readAt() go to the end, at any offset', (context) => {
  const path = cString(join(temporaryFolder(context), 'file'))
  const fd = openAt(workingDirectory, path, openFlags.readWrite | openFlags.create, 0o600)
  const far = 5 * 1024 ** 3
  writeAt(fd, Buffer.from('far'), far)
  const bytes = Buffer.alloc(10)
  assert.equal(readAt(fd, bytes, far), 3)
  assert.equal(statOpen(fd).size, far + 3)
  setLength(fd, far - 1)
  assert.equal(statOpen(fd).size, far - 1)
  setLength(fd, 0)
  reserveSpace(fd, 100_000)
  assert.equal(statOpen(fd).size, 0)
  close(fd)
})

test('writeAt() tells of a full device', () => {
  const fd = openAt(workingDirectory, cString('/dev/full'), openFlags.write)
  assert.throws(() => writeAt(fd, Buffer.from('x'), 0), { code: 'ENOSPC' })
  close(fd)
})

test('renameAt() and removeAt() work on names', (context) => {
  const folder = temporaryFolder(context)
  writeFileSync(join(folder, 'a'), 'text')
  const fd = openAt(workingDirectory, cString(folder), openFlags.read | openFlags.directory)
  renameAt(fd, cString('a'), fd, cString('b'))
  assert.equal(lstatSync(join(folder, 'b')).size, 4)
  removeAt(fd, cString('b'))
  removeAt(fd, cString('b'))
  close(fd)
})

test('tryLock() keeps others out until the lock is given back', (context) => {
  const path = cString(join(temporaryFolder(context), 'lock'))
  const open = (): number => openAt(workingDirectory, path, openFlags.readWrite | openFlags.create, 0o600)
  const [first, second] = [open(), open()]
  assert.ok(tryLock(first, 'exclusive'))
  assert.ok(!tryLock(second, 'shared'))
  unlock(first)
  assert.ok(tryLock(second, 'shared'))
  assert.ok(tryLock(first, 'shared'))
  assert.ok(!tryLock(first, 'exclusive'))
  close(second)
  close(first)
})

test('OwnerNames tells the names that the system knows, and none for others', () => {
  const names = new OwnerNames()
  const me = userInfo()
  assert.equal(names.user(me.uid), me.username)
  assert.equal(names.user(0), 'root')
  assert.equal(names.group(0), 'root')
  assert.equal(names.user(3_999_999_999), '')
  assert.equal(names.group(3_999_999_999), '')
})

test('the system calls work in worker threads at the same time', async () => {
  const module = new URL('./stat.ts', import.meta.url).href
  const strings = new URL('./c-string.ts', import.meta.url).href
  const source = `
    const { statAt } = await import(${JSON.stringify(module)})
    const { cString } = await import(${JSON.stringify(strings)})
    const { parentPort } = await import('node:worker_threads')
    let code
    try { statAt(-100, cString('/absent')) } catch (error) { code = error.code }
    for (let round = 0; round < 2000; round++) statAt(-100, cString('/tmp'))
    parentPort.postMessage({ type: statAt(-100, cString('/dev/null')).type, code })`
  const workers = [1, 2, 3].map(() => new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`)))
  const answers = await Promise.all(
    workers.map((worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))),
  )
  assert.deepEqual(
    answers,
    workers.map(() => ({ type: 'chardev', code: 'ENOENT' })),
  )
})
