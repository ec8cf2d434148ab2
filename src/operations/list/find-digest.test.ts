import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import type { Node } from '../../model/node.ts'
import { DigestSearch } from './find-digest.ts'
import type { BlobSource } from './tree-source.ts'

const signal = neverStopped()

test('DigestSearch finds a content by its SHA-256 whatever its pieces, and reads none that has one piece, and none twice', async () => {
  for (const pieces of [[], ['abc'], ['a', 'bc'], ['a', 'b', 'c']]) {
    const text = pieces.join('')
    let reads = 0
    const blobs = new Map(pieces.map((piece) => [hash('sha256', piece), piece]))
    const source = {
      loadBlob: async (id: string) => {
        reads++
        return Buffer.from(blobs.get(id)!)
      },
    } as unknown as BlobSource
    const node = { type: 'file', name: 'f', size: text.length, content: [...blobs.keys()] } as unknown as Node
    const search = new DigestSearch(hash('sha256', text))
    assert.equal(await search.holds(source, node, signal), true, text)
    assert.equal(await search.holds(source, node, signal), true, text)
    assert.equal(reads, pieces.length === 1 ? 0 : pieces.length)
    assert.equal(await search.holds(source, { ...node, type: 'dir' }, signal), false)
    const other = new DigestSearch(hash('sha256', `${text}!`))
    assert.equal(await other.holds(source, node, signal), false)
  }
})
