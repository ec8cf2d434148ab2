import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { commitFile } from './commit-file.ts'

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code })
}

const linkers: Readonly<Record<string, ((from: string, to: string) => Promise<void>) | undefined>> = {
  'hard links': undefined,
  'no hard links (EPERM)': () => Promise.reject(systemError('EPERM')),
  'no hard links (EOPNOTSUPP)': () => Promise.reject(systemError('EOPNOTSUPP')),
}

for (const [fileSystem, hardLink] of Object.entries(linkers)) {
  for (const whenPresent of ['keep', 'replace'] as const) {
    test(`commitFile() that would ${whenPresent}, on a file system with ${fileSystem}`, async (context) => {
      const folder = await mkdtemp(join(tmpdir(), 'zakops-commit-'))
      context.after(() => rm(folder, { recursive: true, force: true }))
      const [from, to] = [join(folder, 'from'), join(folder, 'to')]

      await writeFile(from, 'first')
      assert.equal(await commitFile(from, to, whenPresent, hardLink), 'stored')
      assert.equal(await readFile(to, 'utf8'), 'first')
      assert.deepEqual(await readdir(folder), ['to'])

      await writeFile(from, 'second')
      assert.equal(await commitFile(from, to, whenPresent, hardLink), whenPresent === 'keep' ? 'exists' : 'stored')
      assert.equal(await readFile(to, 'utf8'), whenPresent === 'keep' ? 'first' : 'second')
      assert.deepEqual(await readdir(folder), ['to'])
    })
  }
}

test('commitFile() never says of a folder or of a symlink to nowhere that the object is there', async (context) => {
  const folder = await mkdtemp(join(tmpdir(), 'zakops-commit-'))
  context.after(() => rm(folder, { recursive: true, force: true }))
  await mkdir(join(folder, 'folder'))
  await symlink('/nowhere/at/all', join(folder, 'dangling'))
  for (const name of ['folder', 'dangling']) {
    await writeFile(join(folder, 'from'), 'body')
    await assert.rejects(commitFile(join(folder, 'from'), join(folder, name), 'keep'), /EISDIR|EEXIST|not a regular/)
  }
})

test('commitFile() passes every other error of link() on', async () => {
  const failing = commitFile('from', 'to', 'keep', () => Promise.reject(systemError('ENOSPC')))
  await assert.rejects(failing, { code: 'ENOSPC' })
})
