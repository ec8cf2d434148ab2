import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { isFailure } from '../../base/failure.ts'
import { makeCopyFolder } from './copy-folder.ts'

test('makeCopyFolder() makes a folder for one owner, which goes away with all that is in it', async () => {
  await using folder = temporaryFolder('copy-folder')
  const work = folder.at('a', 'work')
  {
    using copies = makeCopyFolder(work, 10n, randomBytes)
    assert.equal(statSync(copies.path).mode & 0o777, 0o700)
    assert.deepEqual(readdirSync(copies.path), [])
    writeFileSync(`${copies.path}/copy`, 'content')
  }
  assert.deepEqual(readdirSync(work), [])
})

test('makeCopyFolder() removes what a killed process left, and nothing that one still uses or that others put there', async () => {
  await using folder = temporaryFolder('copy-folder')
  const module = new URL('./copy-folder.ts', import.meta.url).href
  const script = `
    const { makeCopyFolder } = await import(${JSON.stringify(module)})
    const { randomBytes } = await import('node:crypto')
    console.log(makeCopyFolder(${JSON.stringify(folder.path)}, 10n, randomBytes).path)
    process.kill(process.pid, 'SIGKILL')`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  })
  const left = stdout.trim()
  assert.ok(existsSync(left), stderr)
  mkdirSync(folder.at('sqlite-of-somebody'))
  using mine = makeCopyFolder(folder.path, 10n, randomBytes)
  assert.equal(existsSync(left), false)
  using other = makeCopyFolder(folder.path, 10n, randomBytes)
  assert.ok(existsSync(mine.path) && existsSync(other.path) && existsSync(folder.at('sqlite-of-somebody')))
})

test('makeCopyFolder() says where there is no room, or no place', async () => {
  await using folder = temporaryFolder('copy-folder')
  assert.throws(
    () => makeCopyFolder(folder.path, 2n ** 62n, randomBytes),
    (error) => isFailure(error, 'storage_full') && error.message.includes(folder.path),
  )
  writeFileSync(folder.at('file'), '')
  assert.throws(
    () => makeCopyFolder(folder.at('file'), 1n, randomBytes),
    (error) => isFailure(error, 'target_failed'),
  )
  assert.deepEqual(readdirSync(folder.path), ['file'])
})
