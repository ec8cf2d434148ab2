import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Generation } from './generation.ts'
import { type GenerationRemains, planKeyDestruction } from './plan-key-destruction.ts'
import { planKeyRotation } from './plan-key-rotation.ts'

const environment = 'production'
const at = (day: string): Date => new Date(`${day}T00:00:00Z`)
const known = { environment, version: 1, createdAt: at('2026-01-01') } as const
const wrapped = { keyEncryptionKeyVersion: 1 }
const destroyed: Generation = {
  ...known,
  generation: 1,
  state: 'destroyed',
  retiredAt: at('2025-01-01'),
  destroyedAt: at('2025-02-01'),
}
const retired: Generation = { ...known, ...wrapped, generation: 2, state: 'retired', retiredAt: at('2026-02-01') }
const active: Generation = { ...known, ...wrapped, generation: 3, state: 'active' }
const generations = [destroyed, retired, active]
const locations = ['primary', 'secondary']

function remains(location: string, backups = 0, walSegments = 0): GenerationRemains {
  return { environment, generation: 2, location, state: 'counted', backups, walSegments }
}

function rotationAt(now: Date): unknown {
  return planKeyRotation(generations, 'annually', now).map(({ isDue, reason }) => [isDue, reason])
}

test('planKeyRotation() is due a year after the active generation was made, and not a moment before', () => {
  assert.deepEqual(rotationAt(new Date(at('2027-01-01').getTime() - 1)), [
    [false, 'made 2026-01-01, is due to be rotated 2027-01-01'],
  ])
  assert.deepEqual(rotationAt(at('2027-01-01')), [[true, 'made 2026-01-01, was due to be rotated 2027-01-01']])
  const leap: Generation = { ...active, createdAt: at('2028-02-29') }
  assert.deepEqual(planKeyRotation([leap], 'annually', at('2029-02-28'))[0]!.dueAt, at('2029-03-01'))
})

test('planKeyDestruction() lets go only of a retired key that nothing at any location needs, with a reason for each', () => {
  const plan = (facts: GenerationRemains[], places = locations): string[] =>
    planKeyDestruction(generations, { locations: places, remains: facts }).map(
      ({ generation, action, reason }) => `${generation} ${action}: ${reason}`,
    )
  const ofActive = '3 keep: it is the active one'
  assert.deepEqual(plan([remains('primary'), remains('secondary')]), [
    '2 destroy: retired, and nothing of it is left at primary and secondary',
    ofActive,
  ])
  assert.deepEqual(plan([remains('primary', 1, 0), remains('secondary', 0, 2)]), [
    '2 keep: primary still has 1 backup that only this key opens; secondary still has 2 WAL segments that only this key opens',
    ofActive,
  ])
  assert.deepEqual(plan([remains('primary')]), ['2 keep: nobody looked at secondary', ofActive])
  const unknown = { environment, generation: 2, location: 'secondary', state: 'unknown', reason: 'no route' } as const
  assert.deepEqual(plan([remains('primary'), unknown]), [
    '2 keep: secondary could not be looked at: no route',
    ofActive,
  ])
  assert.deepEqual(plan([], []), ['2 keep: no location was looked at', ofActive])
  // What is told of one environment or generation says nothing of another.
  assert.match(plan([{ ...remains('primary'), environment: 'staging' }, remains('secondary')])[0]!, /^2 keep/)
  assert.match(plan([{ ...remains('primary'), generation: 1 }, remains('secondary')])[0]!, /^2 keep/)
  assert.match(plan([...locations.map((one) => remains(one)), remains('former', 3)])[0]!, /^2 keep: former still has 3/)
})

test('planKeyDestruction() never lets go of a key that a backup, a WAL segment or a doubt needs', () => {
  const fact = fc.record({
    environment: fc.constantFrom('production' as const, 'staging' as const),
    generation: fc.nat(4),
    location: fc.constantFrom('primary', 'secondary', 'third'),
    state: fc.constantFrom('counted' as const, 'unknown' as const),
    backups: fc.nat(1),
    walSegments: fc.nat(1),
    reason: fc.constant('x'),
  })
  const property = fc.property(fc.array(fact, { maxLength: 12 }), (facts) => {
    for (const { action, generation } of planKeyDestruction(generations, { locations, remains: facts })) {
      if (action === 'keep') continue
      const ofIt = facts.filter((one) => one.environment === environment && one.generation === generation)
      assert.equal(generation, retired.generation)
      assert.ok(ofIt.every((one) => one.state === 'counted' && one.backups + one.walSegments === 0))
      assert.ok(locations.every((location) => ofIt.some((one) => one.location === location)))
    }
  })
  fc.assert(property)
})
