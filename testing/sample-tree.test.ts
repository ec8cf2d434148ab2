import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeSampleTree } from './sample-tree.ts'
import { seededRandom } from './seeded-random.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { factDifferences } from './tree-differences.ts'
import { treeFacts } from './tree-facts.ts'

test('makeSampleTree() makes the same tree from the same seed', async (context) => {
  await using folder = temporaryFolder('sample')
  const { leftOut } = makeSampleTree(folder.at('a'), seededRandom('sample'))
  makeSampleTree(folder.at('b'), seededRandom('sample'))
  for (const line of leftOut) context.diagnostic(`left out: ${line}`)
  const facts = treeFacts(folder.at('a'))
  assert.deepEqual(factDifferences(facts, treeFacts(folder.at('b')), ['mtimeNs']), [])
  assert.ok(facts.size > 40)
  assert.equal(facts.get('plain/text')?.mtimeNs, 1614834367123456789n)
  assert.equal(facts.get('plain/text')?.sameAs, 'hard-link-1')
  assert.equal(facts.get('set-ids')?.mode, '6755')
})
