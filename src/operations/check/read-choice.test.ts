import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import test from 'node:test'
import { isFailure } from '../../base/failure.ts'
import { choosePacksToRead, rotatingPart, type ReadChoice } from './read-choice.ts'

const packs = Array.from({ length: 500 }, (_, number) => ({ id: hash('sha256', `pack ${number}`), size: 1000 }))

function choose(choice: ReadChoice): string[] {
  return choosePacksToRead(packs, choice, (count) => randomBytes(count)).map(({ id }) => id)
}

test('choosePacksToRead() divides all packs among the parts, by the first byte', () => {
  for (const parts of [1, 3, 7, 256]) {
    const all = Array.from({ length: parts }, (_, number) => choose({ part: number + 1, parts }))
    assert.deepEqual(all.flat().toSorted(), choose('all'))
    for (const [number, part] of all.entries())
      for (const id of part) assert.equal(Number.parseInt(id.slice(0, 2), 16) % parts, number)
  }
})

test('choosePacksToRead() draws so many of a hundred, or so many bytes, and one at least', () => {
  assert.deepEqual(choose('none'), [])
  assert.equal(choose({ percent: 10 }).length, 50)
  assert.equal(new Set(choose({ percent: 100 })).size, 500)
  assert.equal(choose({ bytes: 250_000 }).length, 250)
  assert.equal(choose({ bytes: 1 }).length, 1)
  assert.equal(choose({ bytes: 10_000_000 }).length, 500)
  assert.notDeepEqual(choose({ percent: 10 }), choose({ percent: 10 }))
})

test('choosePacksToRead() refuses what is no part', () => {
  const wrong: ReadChoice[] = [
    { part: 0, parts: 3 },
    { part: 4, parts: 3 },
    { part: 1.5, parts: 3 },
    { part: 1, parts: 257 },
    { percent: 0 },
    { percent: 101 },
    { bytes: 0 },
  ]
  for (const choice of wrong)
    assert.throws(
      () => choose(choice),
      (error) => isFailure(error, 'usage'),
    )
})

test('rotatingPart() comes round to every part', () => {
  const days = Array.from({ length: 5 }, (_, day) => rotatingPart(5, new Date(Date.UTC(2026, 0, 1 + day))))
  assert.equal(new Set(days.map((choice) => JSON.stringify(choice))).size, 5)
})
