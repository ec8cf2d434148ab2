import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { isFailure } from '../../base/failure.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { TarReader } from './tar-reader.ts'

/** What an archive holds, when it comes in pieces of these lengths in turn. */
function read(archive: Buffer, lengths: readonly number[]): [string, string, string][] {
  const reader = new TarReader()
  const entries: [string, string, string][] = []
  for (let at = 0, turn = 0; at < archive.length; turn++) {
    const length = lengths[turn % lengths.length]!
    for (const event of reader.push(archive.subarray(at, at + length))) {
      if (event.kind === 'entry') entries.push([event.entry.path, event.entry.type, event.entry.linkTarget])
      if (event.kind === 'content') entries.at(-1)![2] += Buffer.from(event.bytes).toString('latin1')
      if (event.kind === 'end') entries.at(-1)![2] += '.'
    }
    at += length
  }
  reader.end()
  return entries
}

test('TarReader reads an archive that comes in pieces of any size', async () => {
  await using folder = temporaryFolder('tar')
  mkdirSync(folder.at('base/1'), { recursive: true })
  writeFileSync(folder.at('base/1/empty'), '')
  writeFileSync(folder.at('base/1/block'), 'x'.repeat(512))
  writeFileSync(folder.at('base/1/odd'), 'y'.repeat(1300))
  symlinkSync('/elsewhere', folder.at('base/link'))
  const names = ['base', 'base/1', 'base/1/empty', 'base/1/block', 'base/1/odd', 'base/link']
  const words = ['--format=ustar', '--no-recursion', '-cf', '-', ...names]
  const archive = execFileSync('tar', words, { cwd: folder.path })
  const expected = [
    ['base', 'dir', ''],
    ['base/1', 'dir', ''],
    ['base/1/empty', 'file', '.'],
    ['base/1/block', 'file', `${'x'.repeat(512)}.`],
    ['base/1/odd', 'file', `${'y'.repeat(1300)}.`],
    ['base/link', 'symlink', '/elsewhere'],
  ]
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 5 }), (lengths) => {
      assert.deepEqual(read(archive, lengths), expected)
    }),
    { numRuns: 100 },
  )
})

test('TarReader refuses what is no archive, what ends early, and names that lead outside', async () => {
  await using folder = temporaryFolder('tar')
  writeFileSync(folder.at('file'), 'z'.repeat(600))
  const good = execFileSync('tar', ['--format=ustar', '-cf', '-', 'file'], { cwd: folder.path })
  const outside = execFileSync('tar', ['--format=ustar', '-Pcf', '-', folder.at('file')], {
    cwd: folder.path,
  })
  const damaged = Buffer.from(good)
  damaged[10]! ^= 1
  assert.throws(() => read(damaged, [512]), isRefused)
  assert.throws(() => read(good.subarray(0, 1000), [512]), isRefused)
  assert.throws(() => read(outside, [512]), isRefused)
  assert.throws(() => read(Buffer.alloc(1024, 7), [512]), isRefused)
})

function isRefused(error: unknown): boolean {
  return isFailure(error, 'connection_failed')
}
