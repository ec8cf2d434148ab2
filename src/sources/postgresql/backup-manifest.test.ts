import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { changeManifest, parseBackupManifest, verifyReceived } from './backup-manifest.ts'

const digest = (text: string): string => hash('sha256', text)

function manifestOf(lines: readonly string[]): Buffer {
  const body = `{ "PostgreSQL-Backup-Manifest-Version": 2,\n"System-Identifier": 7566234589123456789,\n"Files": [\n${lines.join(',\n')}\n],\n"WAL-Ranges": [\n{ "Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/2000100" }\n],\n`
  return Buffer.from(`${body}"Manifest-Checksum": "${digest(body)}"}\n`)
}

const label = `{ "Path": "backup_label", "Size": 3, "Last-Modified": "2026-11-25 03:00:00 GMT", "Checksum-Algorithm": "SHA256", "Checksum": "${digest('abc')}" }`
const part = `{ "Path": "base/5/INCREMENTAL.16384", "Size": 12, "Last-Modified": "2026-11-25 03:00:00 GMT", "Checksum-Algorithm": "SHA256", "Checksum": "${digest('part')}" }`
const odd = `{ "Encoded-Path": "6f6464ff", "Size": 0, "Last-Modified": "2026-11-25 03:00:00 GMT", "Checksum-Algorithm": "SHA256", "Checksum": "${digest('')}" }`
const text = manifestOf([label, part, odd])

test('parseBackupManifest() reads files, also with names that are no text, and refuses a changed byte', () => {
  const { files, walRanges } = parseBackupManifest(text)
  assert.deepEqual(files.get('backup_label'), { size: 3, sha256: digest('abc') })
  assert.ok(files.has('odd\udcff'))
  assert.deepEqual(walRanges, [{ timeline: 1, start: '0/2000028', end: '0/2000100' }])
  const changed = Buffer.from(text.toString().replace('"Size": 3', '"Size": 4'))
  assert.throws(() => parseBackupManifest(changed), { code: 'connection_failed' })
  assert.throws(() => parseBackupManifest(Buffer.from('{}')), { code: 'connection_failed' })
})

test('verifyReceived() finds what is missing, different or too much', () => {
  const manifest = parseBackupManifest(manifestOf([label]))
  const good = { size: 3, sha256: digest('abc') }
  verifyReceived(manifest, new Map([['backup_label', good]]))
  const wrong = [
    [],
    [['backup_label', { ...good, size: 4 }]],
    [['backup_label', { ...good, sha256: digest('other') }]],
    [
      ['backup_label', good],
      ['more', good],
    ], // One that nobody announced.
  ] as const
  for (const received of wrong) {
    assert.throws(() => verifyReceived(manifest, new Map(received)), { code: 'connection_failed' })
  }
})

test('changeManifest() names whole files in the place of incremental ones, and stays a manifest', () => {
  assert.deepEqual(changeManifest(text, new Map()), text)
  const changes = new Map([
    ['base/5/INCREMENTAL.16384', { size: 16384, sha256: undefined }],
    ['backup_label', { size: 2, sha256: digest('ab') }],
  ])
  const changed = changeManifest(text, changes)
  const { files } = parseBackupManifest(changed)
  assert.deepEqual([...files.keys()], ['backup_label', 'base/5/16384', 'odd\udcff'])
  assert.deepEqual(files.get('base/5/16384'), { size: 16384, sha256: undefined })
  assert.deepEqual(files.get('backup_label'), { size: 2, sha256: digest('ab') })
  assert.match(changed.toString(), /"System-Identifier": 7566234589123456789,/)
})
