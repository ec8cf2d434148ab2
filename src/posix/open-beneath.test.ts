import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { temporaryFolder } from '../../testing/temporary-folder.ts'
import { cString } from './c-string.ts'
import { makeDirectoryAt } from './make-entry.ts'
import { makeSymlinkAt } from './link.ts'
import { close, openAt, openFlags, workingDirectory } from './open.ts'
import { openBeneath } from './open-beneath.ts'

const flags = openFlags.read | openFlags.directory

test('openBeneath() opens paths that are longer than the system takes at once, and no symlink on them', async () => {
  await using folder = temporaryFolder('open-beneath')
  const rootFd = openAt(workingDirectory, cString(folder.path), flags)
  const names: string[] = []
  let fd = rootFd
  for (let depth = 0; depth < 60; depth++) {
    const name = 'd'.repeat(200)
    makeDirectoryAt(fd, cString(name), 0o700)
    makeSymlinkAt(cString(name), fd, cString('link'))
    const next = openAt(fd, cString(name), flags)
    if (fd !== rootFd) close(fd)
    names.push(name)
    fd = next
  }
  close(fd)
  const path = names.join('/')
  assert.ok(path.length > 12_000)
  close(openBeneath(rootFd, path, flags))
  assert.throws(() => openBeneath(rootFd, `${path}/absent`, flags), { code: 'ENOENT' })
  for (const depth of [0, 29, 30, 31, 59]) {
    assert.throws(() => openBeneath(rootFd, names.with(depth, 'link').join('/'), flags), { code: 'ELOOP' })
  }
  close(rootFd)
  execFileSync('rm', ['-rf', folder.at(names[0]!)]) // Node's own rm takes no path of this length.
})
