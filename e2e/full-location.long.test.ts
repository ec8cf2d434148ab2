/** A policy whose locations fill up. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { seededRandom } from '../testing/seeded-random.ts'
import { mountSmallDisk, noSmallDisk } from '../testing/small-disk.ts'
import { type TemporaryFolder, temporaryFolder } from '../testing/temporary-folder.ts'
import { parseLines, tryZakops, zakops } from './program.ts'

async function begin(folder: TemporaryFolder): Promise<string[]> {
  mkdirSync(folder.at('documents'))
  grow(folder, 2)
  const policy = ['--policy', folder.at('zakops-backup.yaml')]
  const places = ['--primary', folder.at('primary'), '--secondary', folder.at('secondary')]
  const source = ['--source', `files:documents=${folder.at('documents')}`]
  await zakops(['init', '--environment', 'production', ...places, ...source, '--yes', ...policy], { cwd: folder.path })
  await zakops(['backup', ...policy])
  return policy
}

function grow(folder: TemporaryFolder, megabytes: number): void {
  const from = readdirSync(folder.at('documents')).length
  for (let number = from; number < from + megabytes; number++)
    writeFileSync(folder.at('documents', String(number)), seededRandom(`${number}`).bytes(1_000_000))
}

test('a primary that fills up fails the backup with a clear message, loses nothing, and with room it goes on', {
  skip: noSmallDisk,
}, async () => {
  await using folder = temporaryFolder('full')
  using small = mountSmallDisk(folder.at('primary'), 8)
  const policy = await begin(folder)
  grow(folder, 20)
  const full = await tryZakops(['backup', ...policy])
  assert.equal(full.exitCode, 1, full.stderr)
  assert.match(full.stderr, /documents: .*no room is left on its device.*room.*\(storage_full\)/)
  // What was there is there, restores, and nothing was removed for it.
  await zakops(['restore', 'documents', '--to', folder.at('restored'), ...policy])
  const listed = parseLines((await zakops(['backups', '--json', ...policy])).stdout)
  assert.deepEqual(
    listed.map((line) => line['copies']),
    [['primary', 'secondary']],
  )
  small.grow(80)
  await zakops(['backup', ...policy])
  await zakops(['verify', '--read-data', ...policy])
})

test('a secondary that fills up makes gaps, and is caught up by the next backup with room', {
  skip: noSmallDisk,
}, async () => {
  await using folder = temporaryFolder('full')
  using small = mountSmallDisk(folder.at('secondary'), 8)
  const policy = await begin(folder)
  grow(folder, 20)
  const gaps = await tryZakops(['backup', '--json', ...policy])
  assert.equal(gaps.exitCode, 3, gaps.stderr)
  assert.deepEqual(parseLines(gaps.stdout)[0]?.['copies'], ['primary'])
  assert.match(gaps.stderr, /secondary/)
  small.grow(80)
  await zakops(['backup', ...policy])
  const listed = parseLines((await zakops(['backups', '--json', ...policy])).stdout)
  assert.ok(listed.every((line) => String(line['copies']) === 'primary,secondary'))
  await zakops(['verify', '--read-data', ...policy])
})
