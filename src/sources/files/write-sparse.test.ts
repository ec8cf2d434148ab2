import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { nextData, setLength } from '../../posix/file-space.ts'
import { close } from '../../posix/open.ts'
import { statOpen } from '../../posix/stat.ts'
import { writeAt } from '../../posix/write.ts'
import { TargetFolder } from './target-folder.ts'
import { writeSparse } from './write-sparse.ts'

const folder = mkdtempSync('/tmp/write-sparse-')
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))

/** Writes stretches of data and zeros in pieces into a file that held `before`, and reads it again. */
function written(content: Buffer, pieceBytes: number, before: Buffer | undefined): Buffer {
  using target = TargetFolder.open(folder, { create: false })
  const fd = target.root.newFile('file')
  if (before !== undefined) writeAt(fd, before, 0)
  for (let at = 0; at < content.length; at += pieceBytes) {
    writeSparse(fd, content.subarray(at, at + pieceBytes), at, before === undefined ? 'fresh' : 'written')
  }
  setLength(fd, content.length)
  close(fd)
  return readFileSync(join(folder, 'file'))
}

test('writeSparse() writes what it is given, whatever was there before', () => {
  const stretch = fc.record({ byte: fc.constantFrom(0, 0, 7), length: fc.nat(20_000) })
  fc.assert(
    fc.property(
      fc.array(stretch, { maxLength: 6 }),
      fc.integer({ min: 1000, max: 30_000 }),
      fc.boolean(),
      (stretches, piece, isFresh) => {
        const content = Buffer.concat(stretches.map(({ byte, length }) => Buffer.alloc(length, byte)))
        const before = isFresh ? undefined : Buffer.alloc(content.length, 9)
        assert.ok(written(content, piece, before).equals(content))
      },
    ),
    { numRuns: 60 },
  )
})

test('writeSparse() leaves out whole blocks of zeros, which take no room', (context) => {
  using target = TargetFolder.open(folder, { create: false })
  const fd = target.root.newFile('holes')
  const content = Buffer.alloc(1024 * 1024)
  content[500_000] = 1
  assert.deepEqual(writeSparse(fd, content, 0, 'fresh'), { skippedBytes: content.length - 4096 })
  setLength(fd, content.length)
  const stat = statOpen(fd)
  assert.equal(stat.size, content.length)
  const data = nextData(fd, 0)
  const rest = nextData(fd, 504_000)
  close(fd)
  if (data?.start === 0) return context.skip('the file system of /tmp knows no holes')
  assert.ok(data !== undefined && data.start <= 500_000 && data.end > 500_000)
  assert.equal(rest, undefined)
  assert.ok(stat.allocatedBytes < 100_000)
})
