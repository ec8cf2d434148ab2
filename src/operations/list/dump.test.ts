import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32, inflateRawSync } from 'node:zlib'
import { neverStopped } from '../../base/abort.ts'
import { isFailure } from '../../base/failure.ts'
import { type ArchiveFormat, type Dump, dump } from './dump.ts'
import { FakeNode, FakeRepository } from './fake-repository.ts'

const source = new FakeRepository()
const longName = `${'long'.repeat(40)}.txt`
const treeId = source.store({
  'a.txt': 'content of a',
  'fi-\udcff': 'odd',
  d: { [longName]: 'x'.repeat(1000), empty: '', 'ä.txt': 'umlaut' },
  link: new FakeNode({ type: 'symlink', mode: 0x0800_01ff, linktarget: 'a.txt' }),
  pipe: new FakeNode({ type: 'fifo', mode: 0x0200_0180 }),
  socket: new FakeNode({ type: 'socket' }),
})

async function dumped(path: string, format: ArchiveFormat): Promise<{ kind: Dump['kind']; bytes: Buffer }> {
  const { kind, chunks } = await dump(source, { treeId, path, format }, neverStopped())
  return { kind, bytes: Buffer.concat(await Array.fromAsync(chunks)) }
}

test('dump() gives a file as it is', async () => {
  assert.deepEqual(await dumped('/a.txt', 'tar'), { kind: 'file', bytes: Buffer.from('content of a') })
  assert.equal((await dumped('/d/empty', 'tar')).bytes.length, 0)
})

test('dump() refuses what is neither a file nor a directory', async () => {
  await assert.rejects(dumped('/link', 'tar'), (error) => isFailure(error, 'path_missing'))
  await assert.rejects(dumped('/nothing', 'tar'), (error) => isFailure(error, 'path_missing'))
})

test('dump() fails at the end of a file that is not as long as its node says', async () => {
  const wrong = new FakeRepository()
  const root = wrong.store({ f: new FakeNode({ type: 'file', size: 1, content: [] }) })
  const { chunks } = await dump(wrong, { treeId: root, path: '/f', format: 'tar' }, neverStopped())
  await assert.rejects(Array.fromAsync(chunks), (error) => isFailure(error, 'repository_damaged'))
})

test('dump() makes a tar archive that tar unpacks', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'dump-'))
  context.after(() => rmSync(folder, { recursive: true }))
  const { kind, bytes } = await dumped('/', 'tar')
  assert.equal(kind, 'archive')
  assert.equal(bytes.length % 512, 0)
  const unpacked = spawnSync('tar', ['-xpf', '-', '-C', folder, '--no-same-owner'], { input: bytes })
  assert.equal(unpacked.error, undefined) // No system that is run on lacks it.
  assert.equal(unpacked.stderr.toString(), '')
  assert.equal(readFileSync(join(folder, 'a.txt'), 'utf8'), 'content of a')
  assert.equal(readFileSync(join(folder, 'd', longName), 'utf8'), 'x'.repeat(1000))
  assert.equal(readFileSync(join(folder, 'd', 'ä.txt'), 'utf8'), 'umlaut')
  assert.equal(readFileSync(Buffer.from(`${folder}/fi-\xff`, 'latin1'), 'utf8'), 'odd')
  assert.equal(readlinkSync(join(folder, 'link')), 'a.txt')
  assert.equal(statSync(join(folder, 'pipe')).isFIFO(), true)
  assert.equal(statSync(join(folder, 'a.txt')).mtime.toISOString(), '2026-11-23T03:27:52.000Z')
  assert.equal(statSync(join(folder, 'd')).mode & 0o777, 0o755)
})

test('dump() keeps the paths of the snapshot in an archive of a folder', async () => {
  const { bytes } = await dumped('/d', 'zip')
  assert.deepEqual([...zipContents(bytes).keys()].sort(), ['d/empty', `d/${longName}`, 'd/ä.txt'].sort())
})

test('dump() makes a zip archive whose contents and checksums are right', async (context) => {
  const { bytes } = await dumped('/', 'zip')
  const contents = zipContents(bytes)
  assert.equal(contents.get('a.txt')?.toString(), 'content of a')
  assert.equal(contents.get(`d/${longName}`)?.length, 1000)
  assert.equal(contents.get('link')?.toString(), 'a.txt')
  assert.equal(contents.get('d/')?.length, 0)
  assert.equal(contents.has('pipe'), false)
  const folder = mkdtempSync(join(tmpdir(), 'dump-'))
  context.after(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'a.zip'), bytes)
  const tested = spawnSync('unzip', ['-tq', join(folder, 'a.zip')])
  if (tested.error === undefined) assert.equal(tested.status, 0, tested.stdout.toString())
})

/** A reader of zip of our own: the table of contents, each entry's content with its checksum compared. */
function zipContents(archive: Buffer): Map<string, Buffer> {
  const end = archive.length - 22
  assert.equal(archive.readUInt32LE(end), 0x06054b50)
  const contents = new Map<string, Buffer>()
  let at = archive.readUInt32LE(end + 16)
  for (let count = archive.readUInt16LE(end + 10); count > 0; count--) {
    assert.equal(archive.readUInt32LE(at), 0x02014b50)
    const storedBytes = archive.readUInt32LE(at + 20)
    const nameBytes = archive.readUInt16LE(at + 28)
    const name = archive.toString('utf8', at + 46, at + 46 + nameBytes)
    const local = archive.readUInt32LE(at + 42)
    assert.equal(archive.readUInt32LE(local), 0x04034b50)
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28)
    const stored = archive.subarray(start, start + storedBytes)
    const content = archive.readUInt16LE(at + 10) === 8 ? inflateRawSync(stored) : stored
    assert.equal(crc32(content), archive.readUInt32LE(at + 16), name)
    assert.equal(content.length, archive.readUInt32LE(at + 24), name)
    assert.equal(archive.readUInt32LE(start + storedBytes), 0x08074b50, name)
    contents.set(name, content)
    at += 46 + nameBytes + archive.readUInt16LE(at + 30)
  }
  assert.equal(at, end)
  return contents
}
