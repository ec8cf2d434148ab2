import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ExcludeDefinition, ExcludeRules } from './exclude-rules.ts'

/** Says of each path, absolute and with a slash at its end for directories, whether it or a directory above it is left out. */
function excluded(
  patterns: readonly string[],
  paths: readonly string[],
  more: Partial<ExcludeDefinition> = {},
): string[] {
  const rules = new ExcludeRules({ ...more, patterns })
  return paths.filter((path) => {
    const parts = path.split('/').filter((part) => part !== '')
    let directory = '/'
    return parts.some((name, at) => {
      const isDirectory = at < parts.length - 1 || path.endsWith('/')
      const isExcluded = rules.forDirectory(directory)?.excludes(name, { isDirectory }) ?? false
      directory = directory === '/' ? `/${name}` : `${directory}/${name}`
      return isExcluded
    })
  })
}

const paths = [
  '/home/me/a.o',
  '/home/me/build/',
  '/home/me/build/cache/x',
  '/home/me/src/build/cache/y',
  '/home/me/src/keep.o',
  '/tmp/',
  '/home/tmp/z',
  '/home/me/A.O',
  '/srv/file name ',
  '/srv/build',
]

test('ExcludeRules without patterns leaves nothing out', () => {
  assert.equal(new ExcludeRules({ patterns: [] }).forDirectory('/'), undefined)
  assert.equal(new ExcludeRules({ patterns: ['', '  ', '# comment'] }).forDirectory('/'), undefined)
})

test('excludes() finds a pattern without a slash at every depth', () => {
  assert.deepEqual(excluded(['*.o'], paths), ['/home/me/a.o', '/home/me/src/keep.o'])
})

test('excludes() with a slash at the end means directories only', () => {
  assert.deepEqual(excluded(['build/'], paths), [
    '/home/me/build/',
    '/home/me/build/cache/x',
    '/home/me/src/build/cache/y',
  ])
})

test('excludes() ties a pattern with a slash at the beginning to the root of the file system', () => {
  assert.deepEqual(excluded(['/tmp'], paths), ['/tmp/'])
  assert.deepEqual(excluded(['/home/*/build'], paths), ['/home/me/build/', '/home/me/build/cache/x'])
})

test('excludes() finds a pattern with a slash inside at every depth', () => {
  assert.deepEqual(excluded(['build/cache'], paths), ['/home/me/build/cache/x', '/home/me/src/build/cache/y'])
  assert.deepEqual(excluded(['src/**/y'], paths), ['/home/me/src/build/cache/y'])
  assert.deepEqual(excluded(['**/me/src'], paths), ['/home/me/src/build/cache/y', '/home/me/src/keep.o'])
})

test('excludes() lets the last pattern that matches decide', () => {
  assert.deepEqual(excluded(['*.o', '!keep.o'], paths), ['/home/me/a.o'])
  assert.deepEqual(excluded(['*.o', '!src/*.o'], paths), ['/home/me/a.o'])
  assert.deepEqual(excluded(['!keep.o', '*.o'], paths), ['/home/me/a.o', '/home/me/src/keep.o'])
})

test('excludes() is blind to case only where it is asked to be', () => {
  assert.deepEqual(excluded([], paths, { caseInsensitivePatterns: ['*.o'] }), [
    '/home/me/a.o',
    '/home/me/src/keep.o',
    '/home/me/A.O',
  ])
})

test('excludes() takes names that are hard to spell', () => {
  const odd = ['/a\udcff.o', '/[x].o', '/ü.o', '/-', '/...', '/a\nb.o', '/b\\c.o', '/ .o', '/..x', '/#x', '/!x']
  assert.deepEqual(excluded(['*.o'], odd), ['/a\udcff.o', '/[x].o', '/ü.o', '/a\nb.o', '/b\\c.o', '/ .o'])
  assert.deepEqual(excluded(['*'], odd), odd)
  assert.deepEqual(excluded(['/\\[x\\].o', '\\#x', '\\!x'], odd), ['/[x].o', '/#x', '/!x'])
})

test('ExcludeRules reads tags with and without a beginning', () => {
  const rules = new ExcludeRules({ patterns: [], caches: true, ifPresent: ['.nobackup', 'tag:begins: so'] })
  assert.deepEqual(rules.tags, [
    { name: '.nobackup', beginning: '' },
    { name: 'tag', beginning: 'begins: so' },
    { name: 'CACHEDIR.TAG', beginning: 'Signature: 8a477f597d28d172789f06886806bc55' },
  ])
})
