import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../../base/failure.ts'
import { backupRoots, selectedNames, type Selection } from './targets.ts'

/** A selection as text: "*" for the whole, names in braces. */
function shown({ isWhole, names }: Selection): string {
  const inside = [...names].map(([name, below]) => `${name}${shown(below)}`).join(' ')
  return `${isWhole ? '*' : ''}${names.size === 0 ? '' : `{${inside}}`}`
}

function layout(...paths: string[]): string[] {
  return backupRoots(paths, '/home/me').map(({ path, selection }) => `${path} ${shown(selection)}`)
}

test('backupRoots() lays paths out as restic does', () => {
  assert.deepEqual(layout('/a/b'), ['/ {a{b*}}'])
  assert.deepEqual(layout('x/y'), ['/home/me {x{y*}}'])
  assert.deepEqual(layout('./x//y/'), ['/home/me {x{y*}}'])
  assert.deepEqual(layout('x/../y'), ['/home/me {y*}'])
  assert.deepEqual(layout('../z'), ['/home {z*}'])
  assert.deepEqual(layout('../../etc/passwd'), ['/ {etc{passwd*}}'])
  assert.deepEqual(layout('.'), ['/home/me *'])
  assert.deepEqual(layout('x/..'), ['/home/me *'])
  assert.deepEqual(layout('..'), ['/home *'])
  assert.deepEqual(layout('../..'), ['/ *'])
  assert.deepEqual(layout('/'), ['/ *'])
  assert.deepEqual(layout('/../a'), ['/ {a*}'])
})

test('backupRoots() joins paths that share their beginning, in whatever order they come', () => {
  assert.deepEqual(layout('/a/b', '/a/c', '/d'), ['/ {a{b* c*} d*}'])
  assert.deepEqual(layout('/a', '/a/b'), ['/ {a*{b*}}'])
  assert.deepEqual(layout('/a/b', '/a'), ['/ {a*{b*}}'])
  assert.deepEqual(layout('/a/b/c', '/a'), ['/ {a*{b{c*}}}'])
  assert.deepEqual(layout('/', '/etc'), ['/ *{etc*}'])
  assert.deepEqual(layout('.', 'x'), ['/home/me *{x*}'])
  assert.deepEqual(layout('/a', '/a/'), ['/ {a*}'])
})

test('backupRoots() keeps roots apart and refuses two paths of one place', () => {
  assert.deepEqual(layout('x', '/a', '../z'), ['/home/me {x*}', '/ {a*}', '/home {z*}'])
  assert.deepEqual(layout('/a', '../../b'), ['/ {a* b*}'])
  for (const paths of [['/x', 'x'], ['x/y', '../x/z'], ['.', '/a'], ['..', 'x'], [], [''], ['a\0b']]) {
    assert.throws(
      () => backupRoots(paths, '/home/me'),
      (error) => isFailure(error, 'usage'),
      JSON.stringify(paths),
    )
  }
})

test('selectedNames() sorts by bytes and tells names on the way', () => {
  const [root] = backupRoots(['/\u{1f600}', '/\uffee', '/b/c', '/b', '/a'], '/')
  assert.deepEqual(selectedNames(root!.selection), [
    { name: 'a', isOnTheWay: false },
    { name: 'b', isOnTheWay: true },
    { name: '\uffee', isOnTheWay: false },
    { name: '\u{1f600}', isOnTheWay: false },
  ])
})
