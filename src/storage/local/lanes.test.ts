import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lanes } from './lanes.ts'

test('Lanes.run() runs works in order, no more than its lanes at once, also after one failed', async () => {
  const lanes = new Lanes(2)
  const begun: number[] = []
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<void>())
  const runs = ends.map(async ({ promise }, at) =>
    lanes.run(async () => {
      begun.push(at)
      await promise
      return at
    }),
  )
  const outcomes = Promise.allSettled(runs)
  assert.deepEqual(begun, [0, 1])
  ends[1]!.reject(new Error('on purpose'))
  await assert.rejects(runs[1]!, /on purpose/)
  assert.deepEqual(begun, [0, 1, 2])
  for (const end of ends) end.resolve()
  const answers = (await outcomes).map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : 'failed'))
  assert.deepEqual(answers, [0, 'failed', 2, 3, 4])
})
