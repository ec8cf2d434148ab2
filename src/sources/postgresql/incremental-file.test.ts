import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../../base/failure.ts'
import { encodeIncremental } from '../../../testing/incremental-file.ts'
import { blocksOf, type IncrementalHead, IncrementalReader } from './incremental-file.ts'

const blockBytes = 64

async function read(bytes: Buffer, step: number): Promise<{ head: IncrementalHead; blocks: [number, number][] }> {
  let head: IncrementalHead | undefined
  const blocks: [number, number][] = []
  const reader = new IncrementalReader({
    blockBytes,
    onHead: (found) => {
      head = found
      return undefined
    },
    onBlock: (block, content) => {
      blocks.push([block, content[0]!])
      return undefined
    },
  })
  for (let at = 0; at < bytes.length; at += step) await reader.push(bytes.subarray(at, at + step))
  reader.end()
  return { head: head!, blocks }
}

test('IncrementalReader reads the head and the blocks, in pieces of any size', async () => {
  const file = encodeIncremental({ blockBytes, blocksMin: 9, blocks: [1, 4, 20].map((block) => [block, block + 100]) })
  for (const step of [1, 7, 64, 1000]) {
    const { head, blocks } = await read(file, step)
    assert.deepEqual(head, { blocks: [1, 4, 20], blocksMin: 9 })
    assert.equal(blocksOf(head), 21)
    assert.deepEqual(blocks, [
      [1, 101],
      [4, 104],
      [20, 120],
    ])
  }
  const none = await read(encodeIncremental({ blockBytes, blocksMin: 3, blocks: [] }), 5)
  assert.equal(blocksOf(none.head), 3)
})

test('IncrementalReader refuses what is none, what is out of order and what ends early', async () => {
  const good = encodeIncremental({ blockBytes, blocksMin: 9, blocks: [[1, 1]] })
  await assert.rejects(read(good.subarray(0, -1), 50), isRefused)
  await assert.rejects(read(Buffer.concat([good, Buffer.alloc(blockBytes)]), 50), isRefused)
  await assert.rejects(read(Buffer.alloc(200, 1), 50), isRefused)
  const disorder = encodeIncremental({
    blockBytes,
    blocksMin: 9,
    blocks: [
      [4, 1],
      [2, 1],
    ],
  })
  await assert.rejects(read(disorder, 50), isRefused)
})

function isRefused(error: unknown): boolean {
  return isFailure(error, 'connection_failed')
}
