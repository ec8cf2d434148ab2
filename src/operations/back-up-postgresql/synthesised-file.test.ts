import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { encodeIncremental } from '../../../testing/incremental-file.ts'
import type { ParentChunk } from './parent-files.ts'
import { SynthesisedFile } from './synthesised-file.ts'

const blockBytes = 16
const chunkBytes = 64

/** What the file is made to be: kept chunks are looked up, and everything must stand where it stood. */
async function synthesise(
  before: Buffer,
  chunkLengths: readonly number[],
  incremental: Buffer,
  step: number,
): Promise<{ bytes: Buffer; kept: number; loaded: number; isUnchanged: boolean }> {
  const chunks: (ParentChunk & { content: Buffer })[] = []
  for (let offset = 0, turn = 0; offset < before.length; turn++) {
    const content = before.subarray(offset, offset + chunkLengths[turn % chunkLengths.length]!)
    chunks.push({ id: `${offset}`, offset, bytes: content.length, content })
    offset += content.length
  }
  const contents = new Map(chunks.map(({ id, content }) => [id, content]))
  const parts: Buffer[] = []
  let [kept, loaded] = [0, 0]
  const file = new SynthesisedFile({
    sink: {
      write: (bytes) => {
        parts.push(Buffer.from(bytes))
        return undefined
      },
      keep: (ids) => {
        kept += ids.length
        parts.push(...ids.map(({ id }) => contents.get(id)!))
        return undefined
      },
      end: () => undefined,
    },
    blockBytes,
    chunkBytes,
    bytesMax: 60 * blockBytes,
    before: chunks,
    load: async ({ id }) => {
      loaded++
      return contents.get(id)!
    },
  })
  for (let at = 0; at < incremental.length; at += step) await file.write(incremental.subarray(at, at + step))
  await file.end()
  assert.equal(
    file.size,
    parts.reduce((sum, part) => sum + part.length, 0),
  )
  return { bytes: Buffer.concat(parts), kept, loaded, isUnchanged: file.isUnchanged }
}

test('SynthesisedFile is the file before with the blocks that came, whatever was cut how', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(40),
      fc.uniqueArray(fc.nat(50), { maxLength: 20 }),
      fc.nat(45),
      fc.constantFrom([chunkBytes], [16], [16, 48], [chunkBytes / 2, 24, 100]),
      fc.integer({ min: 1, max: 200 }),
      async (blocksBefore, changed, blocksMin, chunkLengths, step) => {
        const before = Buffer.alloc(blocksBefore * blockBytes, 'the file as it was')
        const blocks = changed.toSorted((a, b) => a - b).map((block): [number, number] => [block, 200 + (block % 50)])
        const length = Math.max(blocksMin, (blocks.at(-1)?.[0] ?? -1) + 1) * blockBytes
        const expected = Buffer.concat([before, Buffer.alloc(length)]).subarray(0, length)
        for (const [block, fill] of blocks) expected.fill(fill, block * blockBytes, (block + 1) * blockBytes)
        const incremental = encodeIncremental({ blockBytes, blocksMin, blocks })
        const { bytes, isUnchanged } = await synthesise(before, chunkLengths, incremental, step)
        assert.deepEqual(bytes, expected)
        if (isUnchanged) assert.deepEqual(bytes, before)
      },
    ),
    { numRuns: 300 },
  )
})

test('SynthesisedFile is no longer than a file of a relation may be, though the server says so', async () => {
  const before = Buffer.alloc(60 * blockBytes, 'the file as it was')
  const incremental = encodeIncremental({ blockBytes, blocksMin: 61, blocks: [] })
  const { bytes, isUnchanged } = await synthesise(before, [chunkBytes], incremental, 7)
  assert.deepEqual(bytes, before)
  assert.ok(isUnchanged)
})

test('SynthesisedFile reads only chunks of which a part is needed, and keeps those in which nothing changed', async () => {
  const before = Buffer.alloc(100 * chunkBytes, 'as it was')
  const blocks = [
    [8, 1],
    [9, 1],
    [10, 1],
    [11, 1],
    [40, 1],
  ] as [number, number][]
  const incremental = encodeIncremental({ blockBytes, blocksMin: 400, blocks })
  const { kept, loaded } = await synthesise(before, [chunkBytes], incremental, 50)
  assert.deepEqual({ kept, loaded }, { kept: 98, loaded: 1 })
})
