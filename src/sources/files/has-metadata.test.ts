import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, closeSync, openSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { statOpen } from '../../posix/stat.ts'
import type { Node } from '../../model/node.ts'
import { setAttribute } from '../../../testing/extended-attributes.ts'
import { node } from '../../../testing/snapshot-builder.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { applyMetadata } from './apply-metadata.ts'
import { hasMetadata } from './has-metadata.ts'

test('hasMetadata() says yes after applyMetadata(), and no after any change', async (context) => {
  await using folder = temporaryFolder('has-metadata')
  const path = folder.at('file')
  const wanted: Node = { ...node('file', 'file', 0o640), atime: '2026-01-03T00:00:00.000000001Z' }
  const has = (one: Node = wanted): boolean => {
    const fd = openSync(path, 'r')
    try {
      return hasMetadata(fd, statOpen(fd), one)
    } finally {
      closeSync(fd)
    }
  }
  const apply = (): void => {
    writeFileSync(path, '')
    const fd = openSync(path, 'r+')
    assert.deepEqual(applyMetadata({ fd }, wanted), [])
    closeSync(fd)
  }
  const changes: Record<string, () => void> = {
    mode: () => chmodSync(path, 0o644),
    'set-id': () => chmodSync(path, 0o4640),
    mtime: () => execFileSync('touch', ['-m', '-d', '2026-01-02T03:04:05.123456788Z', path]),
    atime: () => execFileSync('touch', ['-a', '-d', '2026-01-03T00:00:00.000000002Z', path]),
    attribute: () => setAttribute(Buffer.from(path), 'user.note', Buffer.from('x')),
  }
  for (const [what, change] of Object.entries(changes)) {
    apply()
    assert.equal(has(), true)
    try {
      change()
    } catch (error) {
      context.diagnostic(`${what} left out: ${String(error)}`)
      continue
    }
    assert.equal(has(), false, what)
  }
  apply()
  for (const change of [{ uid: wanted.uid + 1 }, { gid: wanted.gid + 1 }, { mode: 0o600 }]) {
    assert.equal(has({ ...wanted, ...change }), false)
  }
  assert.equal(has({ ...wanted, extended_attributes: [{ name: 'user.note', value: null }] }), false)
  assert.equal(statSync(path).mode & 0o7777, 0o640)
})
