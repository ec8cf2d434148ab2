import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RestoreSelection, restoreFilter, type RestoreVerdict } from './restore-filter.ts'

function verdict(selection: Partial<RestoreSelection> | undefined, path: string): RestoreVerdict {
  const filter = restoreFilter(selection && { include: [], exclude: [], ...selection })
  const isDirectory = path.endsWith('/')
  const cut = path.replace(/\/$/, '').lastIndexOf('/')
  return filter(path.slice(0, cut))(path.slice(cut + 1).replace(/\/$/, ''), isDirectory)
}

test('restoreFilter() takes everything where nothing is selected', () => {
  for (const selection of [undefined, {}]) {
    assert.equal(verdict(selection, '/a'), 'take')
    assert.equal(verdict(selection, '/a/b/'), 'take')
  }
})

test('restoreFilter() takes what an include names with all that is below, and passes through directories', () => {
  const selection = { include: ['/docs/', '*.conf'] }
  assert.equal(verdict(selection, '/docs/'), 'take')
  assert.equal(verdict(selection, '/docs/deep/file'), 'take')
  assert.equal(verdict(selection, '/docs'), 'skip') // A file of that name.
  assert.equal(verdict(selection, '/other/'), 'pass')
  assert.equal(verdict(selection, '/other/docs/'), 'pass')
  assert.equal(verdict(selection, '/other/a.conf'), 'take')
  assert.equal(verdict(selection, '/other/file'), 'skip')
})

test('restoreFilter() looks for patterns at the depths at which a backup looks for its excludes', () => {
  assert.equal(verdict({ include: ['build/cache'] }, '/home/build/cache/'), 'take')
  assert.equal(verdict({ include: ['/build/cache'] }, '/home/build/cache/'), 'pass')
  assert.equal(verdict({ include: ['/build/cache'] }, '/build/cache/'), 'take')
  assert.equal(verdict({ exclude: ['build/cache'] }, '/home/build/cache/file'), 'skip')
})

test('restoreFilter() lets an exclude win over an include, and take back what it excludes', () => {
  const selection = { include: ['*.conf'], exclude: ['/secret', '*.bak.conf', '!keep.bak.conf'] }
  assert.equal(verdict(selection, '/secret/'), 'skip')
  assert.equal(verdict(selection, '/secret/a.conf'), 'skip')
  assert.equal(verdict(selection, '/etc/a.bak.conf'), 'skip')
  assert.equal(verdict(selection, '/etc/keep.bak.conf'), 'take')
  assert.equal(verdict(selection, '/etc/a.conf'), 'take')
})

test('restoreFilter() heeds upper and lower case, and takes any name that there is', () => {
  assert.equal(verdict({ include: ['*.TXT'] }, '/a.txt'), 'skip')
  for (const name of ['ünï', 'b\udcff', 'new\nline', 'back\\slash', ' blank ', '#comment', '!bang', '...', '-x']) {
    assert.equal(verdict({ exclude: ['*.txt'] }, `/${name}`), 'take', name)
    assert.equal(verdict({ include: ['*'] }, `/d/${name}`), 'take', name)
  }
})

test('restoreFilter() includes nothing where the includes are comments and blank lines', () => {
  assert.equal(verdict({ include: ['# nothing', ''] }, '/a'), 'skip')
  assert.equal(verdict({ exclude: ['# nothing', ''] }, '/a'), 'take')
})
