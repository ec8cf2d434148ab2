import assert from 'node:assert/strict'
import { setImmediate } from 'node:timers/promises'
import test from 'node:test'
import { neverStopped } from '../base/abort.ts'
import { Failure, isFailure } from '../base/failure.ts'
import type { Id } from '../model/id.ts'
import type { Node, Tree } from '../model/node.ts'
import { walkTrees } from './walk-trees.ts'

const signal = neverStopped()

function directory(subtree: Id): Node {
  return { name: subtree, type: 'dir', uid: 0, gid: 0, content: null, subtree }
}

/** Tree "n" names the trees "2n" and "2n + 1", below 200; some of them come at once and some later. */
const repository = {
  async loadTree(id: Id): Promise<Tree> {
    const number = Number(id)
    if (number % 3 === 0) await setImmediate()
    const children = [2 * number, 2 * number + 1, number].filter((child) => child < 200)
    return { nodes: children.map((child) => directory(String(child))) }
  },
}

test('walkTrees() visits every tree once, however often it is named', async () => {
  const seen: Id[] = []
  await walkTrees(repository, ['1', '5', '1'], { onTree: (id) => seen.push(id) }, signal)
  assert.deepEqual(
    seen.toSorted((a, b) => Number(a) - Number(b)),
    Array.from({ length: 199 }, (_, number) => String(number + 1)),
  )
})

test('walkTrees() never passes over a tree that can not be read', async () => {
  for (let bad = 1; bad < 200; bad++) {
    const failing = {
      loadTree: async (id: Id): Promise<Tree> => {
        if (id === String(bad)) throw new Failure('repository_damaged', `tree ${id}`)
        return await repository.loadTree(id)
      },
    }
    await assert.rejects(walkTrees(failing, ['1'], { onTree: () => {} }, signal), (error) =>
      isFailure(error, 'repository_damaged'),
    )
    const damaged: Id[] = []
    const seen = new Set<Id>()
    const visitor = { onTree: (id: Id) => void seen.add(id), onDamaged: (id: Id) => void damaged.push(id) }
    await walkTrees(
      failing,
      Array.from({ length: 199 }, (_, number) => String(number + 1)),
      visitor,
      signal,
    )
    assert.deepEqual([damaged, seen.size], [[String(bad)], 198])
  }
})

test('walkTrees() throws what is no damage of one tree, and stops when told', async () => {
  const unreachable = {
    loadTree: async (): Promise<Tree> => {
      throw new Failure('storage_unreachable', 'gone')
    },
  }
  const visitor = { onTree: () => {}, onDamaged: () => {} }
  await assert.rejects(walkTrees(unreachable, ['1'], visitor, signal), (error) =>
    isFailure(error, 'storage_unreachable'),
  )
  const controller = new AbortController()
  const stopping = { onTree: () => controller.abort() }
  await assert.rejects(walkTrees(repository, ['1'], stopping, controller.signal), (error) =>
    isFailure(error, 'stopped'),
  )
})
