import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { type Measurement, measure, medians } from './measure.ts'

test('measure() counts wall time, processor time and peak memory of the program alone', async () => {
  await using folder = temporaryFolder('measure')
  const options = { environment: {}, log: folder.at('log') }
  const work = 'Buffer.alloc(300 << 20, 1)'
  const busy = await measure(process.execPath, ['-e', work], options)
  const idle = await measure(process.execPath, ['-e', 'setTimeout(() => {}, 500)'], options)
  assert.ok(busy.cpuSeconds > 0.03 && idle.wallSeconds >= 0.4, JSON.stringify({ busy, idle }))
  assert.ok(busy.peakBytes > 300 << 20 && idle.peakBytes < 200 << 20, JSON.stringify({ busy, idle }))
})

test('measure() fails with what the program said where it fails', async () => {
  await using folder = temporaryFolder('measure')
  const run = measure(process.execPath, ['-e', 'console.log("why"); process.exit(3)'], {
    environment: {},
    log: folder.at('log'),
  })
  await assert.rejects(run, /ended with 3, expected 0\nwhy/)
})

test('medians() takes the middle of each figure', () => {
  assert.deepEqual(medians([one(3), one(1), one(2)]), one(2))
  assert.deepEqual(medians([one(4), one(1), one(2), one(3)]), one(2.5))
  assert.deepEqual(medians([one(7)]), one(7))
})

function one(figure: number): Measurement {
  return { wallSeconds: figure, cpuSeconds: 10 - figure, peakBytes: 5 }
}
