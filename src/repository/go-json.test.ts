import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { encodeGoBytes, encodeGoString, encodeGoValue } from './go-json.ts'

test('encodeGoString() escapes what Go escapes and nothing else', () => {
  assert.equal(encodeGoString('plain'), '"plain"')
  assert.equal(encodeGoString('<a href="x">&'), '"\\u003ca href=\\"x\\"\\u003e\\u0026"')
  assert.equal(encodeGoString('\b\f\n\r\t\v\0\x1f\x7f'), '"\\b\\f\\n\\r\\t\\u000b\\u0000\\u001f\x7f"')
  assert.equal(encodeGoString('\u2028\u2029\u202a'), '"\\u2028\\u2029\u202a"')
  assert.equal(encodeGoString('ä \u{1f600} \ufffd'), '"ä \u{1f600} \ufffd"')
  assert.equal(encodeGoString('bad-\udcff\udcfe'), '"bad-\\ufffd\\ufffd"')
})

test('encodeGoString() is JSON of the same text for every text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.equal(JSON.parse(encodeGoString(text)), text)
    }),
  )
})

test('encodeGoValue() is JSON of the same value for every value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.deepEqual(JSON.parse(encodeGoValue(value)), JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('encodeGoBytes() writes base64 with padding', () => {
  assert.equal(encodeGoBytes(Uint8Array.of(255, 254)), '"//4="')
})
