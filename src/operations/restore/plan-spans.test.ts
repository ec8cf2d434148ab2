import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { planSpans, type WantedContent } from './plan-spans.ts'

interface Place {
  readonly pack: number
  readonly offset: number
  readonly length: number
}

const spanBytesTarget = 4 * 1024 * 1024
const gapBytesMax = 128 * 1024
const contentBytesTarget = 32 * 1024 * 1024
/** Times that the content of a blob is as long as the blob. */
const compression = 12

function indexOf(places: readonly Place[]): Parameters<typeof planSpans>[1] {
  return {
    packNumber: (entry) => places[entry]!.pack,
    offset: (entry) => places[entry]!.offset,
    length: (entry) => places[entry]!.length,
    plaintextLength: (entry) => places[entry]!.length * compression,
  }
}

/** Packs whose blobs lie side by side, with gaps of blobs that nobody wants. */
const anyPlaces = fc
  .array(
    fc.array(fc.record({ gap: fc.nat(400_000), length: fc.integer({ min: 33, max: 6_000_000 }) }), { maxLength: 12 }),
    {
      minLength: 1,
      maxLength: 5,
    },
  )
  .map((packs) =>
    packs.flatMap((blobs, pack) => {
      let at = 0
      return blobs.map(({ gap, length }): Place => {
        const offset = at + gap
        at = offset + length
        return { pack, offset, length }
      })
    }),
  )

const anyPlan = anyPlaces
  .filter((places) => places.length > 0)
  .chain((places) =>
    fc.record({
      places: fc.constant(places),
      files: fc.array(fc.array(fc.nat(places.length - 1), { maxLength: 10 }), { maxLength: 8 }),
    }),
  )

/** Files whose blobs lie one after the other, each taken to be ten bytes long. */
function wantedOf(files: readonly (readonly number[])[]): WantedContent[] {
  return files.map((entries) => ({ entries, offsets: entries.map((_, at) => at * 10) }))
}

test('planSpans() plans every wanted write once, and no other', () => {
  fc.assert(
    fc.property(anyPlan, ({ places, files }) => {
      const wanted = files.flatMap((entries, file) => entries.map((entry, at) => `${entry} to ${file} at ${at * 10}`))
      const planned = planSpans(wantedOf(files), indexOf(places)).flatMap(({ blobs }) =>
        blobs.flatMap(({ entry, writes }) =>
          Array.from({ length: writes.length / 2 }, (_, n) => `${entry} to ${writes[2 * n]} at ${writes[2 * n + 1]}`),
        ),
      )
      assert.deepEqual(planned.toSorted(), wanted.toSorted())
    }),
  )
})

test('planSpans() reads each blob once, in spans of one pack that hold their blobs, in the order of packs', () => {
  fc.assert(
    fc.property(anyPlan, ({ places, files }) => {
      const spans = planSpans(wantedOf(files), indexOf(places))
      const entries = spans.flatMap(({ blobs }) => blobs.map(({ entry }) => entry))
      assert.equal(new Set(entries).size, entries.length)
      let last = { packNumber: -1, end: 0 }
      for (const { packNumber, offset, length, blobs } of spans) {
        assert.ok(blobs.length > 0)
        assert.ok(packNumber > last.packNumber || offset >= last.end, 'spans do not go back or overlap')
        last = { packNumber, end: offset + length }
        let end = offset
        for (const { entry } of blobs) {
          const place = places[entry]!
          assert.equal(place.pack, packNumber)
          assert.ok(place.offset - end <= gapBytesMax, 'no long gap is read along')
          end = place.offset + place.length
        }
        assert.equal(places[blobs[0]!.entry]!.offset, offset)
        assert.equal(end, offset + length)
        assert.ok(length <= spanBytesTarget || blobs.length === 1, 'only one large blob makes a long span')
        const contentBytes = blobs.reduce((sum, { entry }) => sum + places[entry]!.length * compression, 0)
        assert.ok(contentBytes <= contentBytesTarget || blobs.length === 1, 'nor makes one of much content')
      }
    }),
  )
})

test('planSpans() reads two blobs side by side at once, and two far apart one by one', () => {
  const near = indexOf([
    { pack: 0, offset: 0, length: 100 },
    { pack: 0, offset: 100 + gapBytesMax, length: 100 },
  ])
  const far = indexOf([
    { pack: 0, offset: 0, length: 100 },
    { pack: 0, offset: 101 + gapBytesMax, length: 100 },
  ])
  const files = wantedOf([[1, 0]])
  assert.equal(planSpans(files, near).length, 1)
  assert.equal(planSpans(files, far).length, 2)
  assert.deepEqual(planSpans([], near), [])
  const half = contentBytesTarget / 2 / compression
  for (const [length, spans] of [
    [Math.floor(half), 1],
    [Math.ceil(half) + 1, 2],
  ] as const) {
    const places = indexOf([
      { pack: 0, offset: 0, length },
      { pack: 0, offset: length, length },
    ])
    assert.equal(planSpans(files, places).length, spans)
  }
})
