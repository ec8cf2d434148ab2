import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { encodeName } from '../../base/byte-name.ts'
import { isFailure } from '../../base/failure.ts'
import { expandPattern } from './expand-pattern.ts'
import { readPathList } from './read-path-list.ts'

test('readPathList() reads paths in each form, whatever bytes are in them', async () => {
  await using folder = temporaryFolder('paths')
  const bytes = Buffer.from(' /a b \r\n# no comment here\n\n/\xFFx\0/line\nbreak\0', 'latin1')
  const file = folder.at('list')
  writeFileSync(file, bytes)
  const stdin = new PassThrough()
  assert.deepEqual(await readPathList(file, 'verbatim', stdin), [
    ' /a b ',
    '# no comment here',
    '/\uDCFFx\0/line',
    'break\0',
  ])
  assert.deepEqual(await readPathList(file, 'raw', stdin), [' /a b \r\n# no comment here\n\n/\uDCFFx', '/line\nbreak'])
  stdin.end(' /a b \r\n# a comment\n\n/c')
  assert.deepEqual(await readPathList('-', 'patterns', stdin), ['/a b', '/c'])
})

test('readPathList() expands patterns and refuses one that matches nothing', async () => {
  await using folder = temporaryFolder('paths')
  for (const name of ['b.txt', 'a.txt', 'c.md', '.hidden.txt']) writeFileSync(folder.at(name), '')
  writeFileSync(folder.at('list'), `${folder.path}/*.txt\n`)
  const stdin = new PassThrough()
  const found = await readPathList(folder.at('list'), 'patterns', stdin)
  assert.deepEqual(found, [folder.at('a.txt'), folder.at('b.txt')])
  writeFileSync(folder.at('list'), `${folder.path}/*.nothing\n`)
  await assert.rejects(readPathList(folder.at('list'), 'patterns', stdin), (error) => isFailure(error, 'usage'))
  await assert.rejects(readPathList(folder.at('absent'), 'raw', stdin), (error) => isFailure(error, 'usage'))
})

test('expandPattern() finds names that are not UTF-8, in directories of any depth', async () => {
  await using folder = temporaryFolder('paths')
  mkdirSync(folder.at('one', 'x'), { recursive: true })
  mkdirSync(folder.at('two'))
  writeFileSync(Buffer.concat([Buffer.from(`${folder.at('one', 'x')}/`), Buffer.from([0x66, 0xff])]), '')
  assert.deepEqual(await expandPattern(`${folder.path}/*/[wx]/f?`), [join(folder.path, 'one', 'x', 'f\uDCFF')])
  assert.deepEqual(encodeName('f\uDCFF'), Buffer.from([0x66, 0xff]))
})
