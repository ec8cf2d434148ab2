import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { neverStopped } from '../../base/abort.ts'
import type { Node } from '../../model/node.ts'
import { ContentSearch } from './find-content.ts'
import type { BlobSource } from './tree-source.ts'

test('ContentSearch finds bytes wherever the pieces are cut, and only what is there', async () => {
  const letters = fc.array(fc.constantFrom('a', 'b'), { maxLength: 12 }).map((all) => all.join(''))
  await fc.assert(
    fc.asyncProperty(
      fc.array(letters, { maxLength: 6 }),
      letters.filter((text) => text !== ''),
      async (pieces, wanted) => {
        let reads = 0
        const source = {
          loadBlob: async (id: string) => {
            reads++
            return Buffer.from(pieces[Number(id)]!)
          },
        } as unknown as BlobSource
        const content = pieces.map((_, at) => String(at))
        const node = { type: 'file', name: 'f', size: pieces.join('').length, content } as unknown as Node
        const search = new ContentSearch(Buffer.from(wanted))
        assert.equal(await search.holds(source, node, neverStopped()), pieces.join('').includes(wanted))
        const before = reads
        assert.equal(await search.holds(source, node, neverStopped()), pieces.join('').includes(wanted))
        assert.equal(reads, before)
        assert.equal(await search.holds(source, { ...node, type: 'dir' }, neverStopped()), false)
      },
    ),
    { numRuns: 200 },
  )
})
