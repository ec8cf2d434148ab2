import assert from 'node:assert/strict'
import { chmodSync, cpSync, linkSync, lutimesSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setAttribute } from './extended-attributes.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { treeDifferences } from './tree-differences.ts'

test('treeDifferences() finds each kind of difference, and none in a copy', async () => {
  await using folder = temporaryFolder('differences')
  const [a, b] = [folder.at('a'), folder.at('b')]
  mkdirSync(`${a}/d`, { recursive: true })
  writeFileSync(`${a}/d/file`, 'content')
  writeFileSync(`${a}/d/other`, 'content')
  symlinkSync('file', `${a}/d/link`)
  const copy = (): void => {
    rmSync(b, { recursive: true, force: true })
    cpSync(a, b, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
    for (const path of ['', '/d', '/d/file', '/d/other', '/d/link']) {
      for (const root of [a, b]) lutimesSync(root + path, 1000, 2000)
    }
  }
  const different = (change: () => void): string[] => {
    copy()
    change()
    return treeDifferences(a, b, ['mtimeNs'])
  }
  copy()
  assert.deepEqual(treeDifferences(a, b), [])
  lutimesSync(`${b}/d/link`, 1000, 2000.5)
  assert.deepEqual(treeDifferences(a, b), ['d/link: mtimeNs is 2000500000000, expected 2000000000000'])

  assert.match(different(() => writeFileSync(`${b}/d/file`, 'CONTENT'))[0]!, /^d\/file: content is/)
  assert.deepEqual(
    different(() => rmSync(`${b}/d/file`)),
    ['d/file: missing'],
  )
  assert.deepEqual(
    different(() => writeFileSync(`${b}/new`, '')),
    ['new: was not there'],
  )
  assert.match(different(() => chmodSync(`${b}/d/file`, 0o4755))[0]!, /mode is 4755/)
  assert.match(
    different(() => {
      rmSync(`${b}/d/other`)
      linkSync(`${b}/d/file`, `${b}/d/other`)
    })[0]!,
    /^d\/other: sameAs is d\/file/,
  )
  assert.match(
    different(() => setAttribute(Buffer.from(`${b}/d`), 'user.note', Buffer.from('x')))[0]!,
    /^d: attributes is/,
  )
})
