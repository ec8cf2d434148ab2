import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { decodeName } from '../base/byte-name.ts'
import { isFailure } from '../base/failure.ts'
import { isGoPrintable } from './go-printable.ts'
import { goQuote, goUnquote } from './go-quote.ts'

test('isGoPrintable() agrees with strconv.IsPrint of Go 1.26 for every code point', () => {
  const printable = new Uint8Array(0x110000)
  for (let code = 0; code < printable.length; code++) printable[code] = isGoPrintable(code) ? 1 : 0
  // SHA-256 of the same bytes, printed by a Go program.
  const wanted = 'a24a109bc8e347f9490466c59e4160d0dc9dd1006a5be9a4c91af71cd2e7fa99'
  assert.equal(createHash('sha256').update(printable).digest('hex'), wanted)
})

test('goQuote() writes what strconv.Quote writes', () => {
  assert.equal(goQuote('plain name'), 'plain name')
  assert.equal(goQuote('a"b\\c\'d'), 'a\\"b\\\\c\'d')
  assert.equal(goQuote('\x07\b\f\n\r\t\v\x1b\x7f'), '\\a\\b\\f\\n\\r\\t\\v\\x1b\\x7f')
  assert.equal(goQuote('ä日\u{1f600}'), 'ä日\u{1f600}')
  assert.equal(goQuote('\u0085\u00a0\u200d\ue000\u{e0041}'), '\\u0085\\u00a0\\u200d\\ue000\\U000e0041')
  assert.equal(goQuote(decodeName(Buffer.from('half-e282', 'latin1'))), 'half-e282')
  assert.equal(goQuote(decodeName(Buffer.from([0x61, 0xe2, 0x82, 0xff]))), 'a\\xe2\\x82\\xff')
})

test('goUnquote() is the inverse of goQuote() for names of any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const name = decodeName(bytes)
      assert.equal(goUnquote(goQuote(name)), name)
    }),
    { numRuns: 2000 },
  )
})

test('goUnquote() reads escapes that goQuote() never writes, as Go does', () => {
  assert.equal(goUnquote('\\101\\x42\\u0043\\U00000044'), 'ABCD')
  assert.equal(goUnquote('\\xe2\\x82\\xac'), '€')
})

test('goUnquote() refuses what strconv.Unquote refuses', () => {
  for (const text of ['"', 'a\nb', '\\', '\\q', "\\'", '\\x4', '\\u12', '\\ud800', '\\U00110000', '\\400']) {
    assert.throws(
      () => goUnquote(text),
      (error) => isFailure(error, 'repository_damaged'),
      text,
    )
  }
})
