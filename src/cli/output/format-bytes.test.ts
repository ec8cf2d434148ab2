import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatBytes } from './format-bytes.ts'

test('formatBytes() shows three figures and steps at 1000', () => {
  const cases: readonly [number, string][] = [
    [0, '0 B'],
    [999, '999 B'],
    [1000, '0.98 KiB'],
    [1536, '1.50 KiB'],
    [10_239, '10.0 KiB'],
    [10_240, '10.0 KiB'],
    [102_400, '100 KiB'],
    [1023 * 1024, '1.00 MiB'],
    [2 * 1024 ** 3, '2.00 GiB'],
    [8.5 * 1024 ** 4, '8.50 TiB'],
  ]
  for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text)
})
