import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RateMeter } from './rate-meter.ts'

test('RateMeter says nothing before it has watched for a second', () => {
  const meter = new RateMeter()
  assert.equal(meter.bytesPerSecond(), undefined)
  meter.add(0, 0)
  meter.add(999, 100)
  assert.equal(meter.bytesPerSecond(), undefined)
  meter.add(1000, 500)
  assert.equal(meter.bytesPerSecond(), 500)
})

test('RateMeter forgets what is longer ago than its window', () => {
  const meter = new RateMeter()
  meter.add(0, 0)
  for (let second = 1; second <= 60; second++) meter.add(second * 1000, 1_000_000 + second)
  assert.equal(meter.bytesPerSecond(), 1)
})

test('RateMeter begins anew when the count shrinks', () => {
  const meter = new RateMeter()
  meter.add(0, 1000)
  meter.add(1000, 0)
  meter.add(3000, 10)
  assert.equal(meter.bytesPerSecond(), 5)
})
