import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { chooseBlocks, describeBlocks, parseBlocks } from './block-sample.ts'

test('chooseBlocks() takes no more than it may, in order, from the first block to the last', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1e6 }), fc.nat(1e5), (blocks, blocksMax) => {
      const ranges = chooseBlocks(blocks, blocksMax)
      let last = 0
      let count = 0
      for (const { first, end } of ranges) {
        assert.ok(first >= last && end > first && end <= blocks)
        count += end - first
        last = end
      }
      assert.ok(count <= Math.max(8, blocksMax))
      assert.equal(ranges[0]!.first, 0)
      assert.equal(ranges.at(-1)!.end, blocks)
      assert.deepEqual(parseBlocks(describeBlocks(ranges, blocks)), { ranges, blocks })
    }),
  )
})

test('parseBlocks() takes nothing else', () => {
  for (const text of ['counted only', 'blocks 1-2', 'blocks of 3', 'blocks a-b of 3']) {
    assert.equal(parseBlocks(text), undefined)
  }
})
