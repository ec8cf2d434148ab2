import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, stat, symlink, unlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { storageContract } from '../storage.contract.ts'
import { createLocalFolder } from './local-folder.ts'
import { localStorage } from './local-storage.ts'
import { unfinishedName } from './unfinished.ts'

const signal = neverStopped()
const keep = { whenPresent: 'keep' } as const
const body = Uint8Array.of(1, 2, 3)

async function temporaryFolder(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'zakops-local-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

storageContract('localStorage()', async (context) => localStorage(await temporaryFolder(context)))
test('createLocalFolder() makes the folders of the layout for their owner only, and may be called again', async (context) => {
  const folder = join(await temporaryFolder(context), 'deep', 'repository')
  await createLocalFolder(folder, signal)
  await localStorage(folder).put('config', body, keep, signal)
  await createLocalFolder(folder, signal)
  assert.deepEqual((await readdir(folder)).sort(), ['config', 'data', 'index', 'keys', 'locks', 'snapshots'])
  assert.equal((await readdir(join(folder, 'data'))).length, 256)
  for (const one of ['', 'data', 'data/00', 'data/ff', 'locks']) {
    assert.equal((await stat(join(folder, one))).mode & 0o7777, 0o700, one)
  }
})

test('createLocalFolder() fails where it can make nothing, though what is above is there', async (context) => {
  const folder = await temporaryFolder(context)
  await symlink('absent', join(folder, 'dangling'))
  for (const place of [join(folder, 'dangling/a'), join(folder, 'dangling/a/b'), '/proc/absent/a']) {
    await assert.rejects(
      createLocalFolder(place, signal),
      (error) => isFailure(error) && error.code !== 'defect',
      place,
    )
  }
})

test('localStorage() makes files for their owner only and leaves no unfinished one', async (context) => {
  const folder = await temporaryFolder(context)
  const storage = localStorage(folder)
  await storage.put('data/ab/1', body, keep, signal)
  await storage.put('data/ab/1', body, keep, signal)
  await storage.put('data/ab/1', body, { whenPresent: 'replace' }, signal)
  await Promise.all([1, 2, 3, 4].map(() => storage.put('data/ab/2', body, keep, signal)))
  const stats = await stat(join(folder, 'data/ab/1'))
  assert.equal(stats.mode & 0o7777, 0o600)
  assert.equal(stats.nlink, 1)
  assert.equal((await stat(join(folder, 'data/ab'))).mode & 0o7777, 0o700)
  assert.deepEqual((await readdir(join(folder, 'data/ab'))).sort(), ['1', '2'])
})

test('localStorage() sees at once what another one stored or removed', async (context) => {
  const folder = await temporaryFolder(context)
  const [first, second] = [localStorage(folder), localStorage(folder)]
  await first.put('locks/1', body, keep, signal)
  assert.equal(await second.put('locks/1', Uint8Array.of(9), keep, signal), 'exists')
  assert.deepEqual([...(await second.get('locks/1', {}, signal))], [1, 2, 3])
  await second.remove('locks/1', signal)
  assert.deepEqual(await Array.fromAsync(first.list('locks/', signal)), [])
})

test('localStorage() reads straight into the memory it is given', async (context) => {
  const storage = localStorage(await temporaryFolder(context))
  await storage.put('data/ab/1', body, keep, signal)
  const into = new Uint8Array(new SharedArrayBuffer(100)).subarray(50)
  const answer = await storage.get('data/ab/1', { into }, signal)
  assert.equal(answer.buffer, into.buffer)
  assert.equal(answer.byteOffset, 50)
  assert.deepEqual([...into.subarray(0, 4)], [1, 2, 3, 0])
})

test('localStorage() fails and makes nothing where its folder is not there', async (context) => {
  const folder = join(await temporaryFolder(context), 'not-mounted')
  const storage = localStorage(folder)
  const missing = { code: 'repository_missing' }
  await assert.rejects(storage.put('config', body, keep, signal), missing)
  await assert.rejects(storage.put('data/ab/1', body, { whenPresent: 'replace' }, signal), missing)
  await assert.rejects(storage.get('config', {}, signal), missing)
  await assert.rejects(storage.size('config', signal), missing)
  await assert.rejects(storage.remove('config', signal), missing)
  await assert.rejects(Array.fromAsync(storage.list('', signal)), missing)
  await assert.rejects(stat(folder), { code: 'ENOENT' })
})

test('localStorage() says so where its place is a file', async (context) => {
  const place = join(await temporaryFolder(context), 'file')
  await writeFile(place, 'x')
  const storage = localStorage(place)
  await assert.rejects(storage.put('config', body, keep, signal), { code: 'storage_denied' })
  await assert.rejects(storage.get('config', {}, signal), { code: 'storage_denied' })
  await assert.rejects(createLocalFolder(place, signal), { code: 'storage_denied' })
})

test('localStorage() takes unfinished and strange files for no objects', async (context) => {
  const folder = await temporaryFolder(context)
  const storage = localStorage(folder)
  await storage.put('data/ab/1', body, keep, signal)
  for (const name of [unfinishedName('2', 0), '3-tmp-12345', 'a note', 'lost+found', '.hidden']) {
    await writeFile(join(folder, 'data/ab', name), 'x')
  }
  await symlink('nowhere', join(folder, 'data/ab/4'))
  assert.deepEqual(await Array.fromAsync(storage.list('', signal)), [{ objectName: 'data/ab/1', size: 3 }])
})

test('localStorage() follows a symlink to a folder or file that its owner laid elsewhere', async (context) => {
  const folder = await temporaryFolder(context)
  const elsewhere = await temporaryFolder(context)
  await symlink(elsewhere, join(folder, 'data'))
  const storage = localStorage(folder)
  await storage.put('data/ab/1', body, keep, signal)
  assert.deepEqual(await readdir(join(elsewhere, 'ab')), ['1'])
  assert.deepEqual(await Array.fromAsync(storage.list('data/', signal)), [{ objectName: 'data/ab/1', size: 3 }])
})

test('localStorage() stores beside the unfinished file of a killed writer', async (context) => {
  const folder = await temporaryFolder(context)
  const storage = localStorage(folder)
  await mkdir(join(folder, 'index'))
  await writeFile(join(folder, 'index', unfinishedName('1', 0)), 'half of')
  assert.equal(await storage.put('index/1', body, keep, signal), 'stored')
  assert.deepEqual((await readdir(join(folder, 'index'))).sort(), [unfinishedName('1', 0), '1'])
})

test('localStorage() takes old unfinished files away when it lists after it wrote, and only these', async (context) => {
  const folder = await temporaryFolder(context)
  const [writer, reader] = [localStorage(folder), localStorage(folder)]
  await writer.put('index/1', body, keep, signal)
  const writtenAt = (await stat(join(folder, 'index/1'))).mtimeMs / 1000
  const [old, young, foreign] = [unfinishedName('a', 0), unfinishedName('b', 7), '.c.unfinished-by-others']
  for (const name of [old, young, foreign]) await writeFile(join(folder, 'index', name), 'x')
  for (const name of [old, foreign]) await utimes(join(folder, 'index', name), writtenAt - 90_000, writtenAt - 90_000)
  await utimes(join(folder, 'index', young), writtenAt - 80_000, writtenAt - 80_000)
  await Array.fromAsync(reader.list('', signal))
  assert.deepEqual((await readdir(join(folder, 'index'))).sort(), [old, young, foreign, '1'].sort())
  await Array.fromAsync(writer.list('', signal))
  assert.deepEqual((await readdir(join(folder, 'index'))).sort(), [young, foreign, '1'].sort())
})

test('localStorage() is not held up by a fifo and does not take a folder for an object', async (context) => {
  const folder = await temporaryFolder(context)
  const storage = localStorage(folder)
  await mkdir(join(folder, 'config'))
  await assert.rejects(storage.get('config', {}, signal), { code: 'repository_damaged' })
  assert.equal(await storage.size('config', signal), undefined)
  await assert.rejects(storage.put('config', body, { whenPresent: 'replace' }, signal), { code: 'storage_denied' })
  assert.deepEqual(await readdir(folder), ['config'])
})

test('localStorage() fails whole when its unfinished file is taken from it', async (context) => {
  const folder = await temporaryFolder(context)
  const storage = localStorage(folder)
  await mkdir(join(folder, 'index'))
  const big = new Uint8Array(64 * 1024 * 1024)
  const put = storage.put('index/1', big, keep, signal)
  put.catch(() => {}) // Its turn comes below.
  const unfinished = join(folder, 'index', unfinishedName('1', 0))
  for (;;) {
    const gone = await unlink(unfinished).then(
      () => true,
      () => false,
    )
    if (gone) break
  }
  await assert.rejects(put, { code: 'storage_unreachable' })
  assert.deepEqual(await readdir(join(folder, 'index')), [])
  assert.equal(await storage.put('index/1', body, keep, signal), 'stored')
})

test('localStorage() leaves nothing of an object whose writing was stopped', async (context) => {
  const folder = await temporaryFolder(context)
  const storage = localStorage(folder)
  await mkdir(join(folder, 'index'))
  const controller = new AbortController()
  const put = storage.put('index/1', new Uint8Array(64 * 1024 * 1024), keep, controller.signal)
  put.catch(() => {}) // Its turn comes below.
  const unfinished = join(folder, 'index', unfinishedName('1', 0))
  while (
    !(await stat(unfinished).then(
      () => true,
      () => false,
    ))
  )
    await Promise.resolve()
  controller.abort()
  await assert.rejects(put, { code: 'stopped' })
  assert.deepEqual(await readdir(join(folder, 'index')), [])
})
