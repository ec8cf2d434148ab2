import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readlinkSync, renameSync, symlinkSync } from 'node:fs'
import { test } from 'node:test'
import { isFailure } from '../../base/failure.ts'
import { TargetFolder } from '../../sources/files/target-folder.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { OpenDirectories } from './open-directories.ts'

function openIn(folder: TemporaryFolder): OpenDirectories {
  return new OpenDirectories(TargetFolder.open(folder.path, { create: false }))
}

function pathOf(fd: number): string {
  return readlinkSync(`/proc/self/fd/${fd}`)
}

test('OpenDirectories.get() opens what the names lead to, and the same only once', async () => {
  await using folder = temporaryFolder('directories')
  mkdirSync(folder.at('a/b'), { recursive: true })
  using directories = openIn(folder)
  const directory = directories.get(['a', 'b'])
  assert.equal(pathOf(directory.fd), folder.at('a/b'))
  assert.equal(directories.get(['a', 'b']), directory)
  assert.equal(pathOf(directories.get([]).fd), folder.path)
  assert.equal(directories.get([]).fd, directories.fd)
})

test('OpenDirectories.get() keeps two directories open that are used in turn, and few in all', async () => {
  await using folder = temporaryFolder('directories')
  const names = Array.from({ length: 300 }, (_, number) => `d${number}`)
  for (const name of names) mkdirSync(folder.at(name))
  const before = readdirSync('/proc/self/fd').length
  using directories = openIn(folder)
  const first = ['d0']
  for (const name of names) {
    const source = directories.get(first)
    const other = directories.get([name])
    assert.equal(pathOf(source.fd), folder.at('d0'))
    assert.equal(pathOf(other.fd), folder.at(name))
  }
  assert.ok(readdirSync('/proc/self/fd').length - before <= 65)
})

test('OpenDirectories.get() follows no symlink, and fails for what is not there', async () => {
  await using folder = temporaryFolder('directories')
  mkdirSync(folder.at('target/real'), { recursive: true })
  mkdirSync(folder.at('outside/real'), { recursive: true })
  symlinkSync('../outside', folder.at('target/link'))
  using directories = new OpenDirectories(TargetFolder.open(folder.at('target'), { create: false }))
  for (const names of [['link'], ['link', 'real']]) {
    assert.throws(
      () => directories.get(names),
      (error) => isFailure(error, 'target_unsafe'),
    )
  }
  assert.throws(
    () => directories.get(['absent']),
    (error) => isFailure(error, 'target_failed'),
  )
})

test('TargetFolder.attach() opens the same folder, whatever has its path by now', async () => {
  await using folder = temporaryFolder('directories')
  mkdirSync(folder.at('target/real'), { recursive: true })
  mkdirSync(folder.at('outside/real'), { recursive: true })
  using directories = new OpenDirectories(TargetFolder.open(folder.at('target'), { create: false }))
  renameSync(folder.at('target'), folder.at('moved'))
  symlinkSync('outside', folder.at('target'))
  using attached = TargetFolder.attach(directories.fd, folder.at('target'))
  using real = attached.directory(['real'])
  assert.equal(pathOf(real.fd), folder.at('moved/real'))
})
