import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { isFailure } from '../../base/failure.ts'
import { parsePathPattern } from './path-pattern.ts'

interface Row {
  readonly pattern: string
  readonly path: string
  readonly matches: 'yes' | 'no' | 'bad'
  readonly below: 'yes' | 'no' | 'bad'
  readonly valid: boolean
}

test('parsePathPattern() agrees with restic over patterns and paths that restic was asked', () => {
  const text = readFileSync(new URL('./fixtures/restic-patterns.json', import.meta.url), 'utf8')
  for (const row of JSON.parse(text) as Row[]) {
    const parse = (): ReturnType<typeof parsePathPattern> => parsePathPattern(row.pattern, { ignoreCase: false })
    if (row.valid) {
      assert.equal(parse().matches(row.path), row.matches === 'yes', JSON.stringify(row))
      assert.equal(parse().matchesBelow(row.path), row.below === 'yes', JSON.stringify(row))
    } else {
      assert.throws(parse, (error) => isFailure(error, 'usage'), row.pattern)
    }
  }
})

test('parsePathPattern() takes a stray byte for one character', () => {
  const pattern = parsePathPattern('bad-??', { ignoreCase: false })
  assert.equal(pattern.matches('/dir/bad-\udcff\udcfe'), true)
  assert.equal(pattern.matches('/dir/bad-\udcff'), false)
  assert.equal(parsePathPattern('new?line', { ignoreCase: false }).matches('/new\nline'), true)
})

test('parsePathPattern() ignores case where it is asked to', () => {
  assert.equal(parsePathPattern('*.TXT', { ignoreCase: true }).matches('/a/B.tXt'), true)
  assert.equal(parsePathPattern('*.TXT', { ignoreCase: false }).matches('/a/B.tXt'), false)
})
