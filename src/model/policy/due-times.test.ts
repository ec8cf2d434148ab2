import assert from 'node:assert/strict'
import { test } from 'node:test'
import { samplePolicyPath, samplePolicyText } from '../../../testing/sample-policy.ts'
import { dueTimes, latestDueTimes } from './due-times.ts'
import { type Policy, type Weekday, weekdays } from './policy.ts'
import { readPolicy } from './read-policy.ts'

const { policy } = readPolicy(samplePolicyText, samplePolicyPath)
const hourMs = 3_600_000
const stepMs = hourMs / 4

function at(full: { day: Weekday; time: string }, incrementalTime: string): Policy {
  const { schedule } = policy
  const incremental = { ...schedule.incremental, time: incrementalTime }
  return { ...policy, schedule: { ...schedule, full: { ...schedule.full, ...full }, incremental } }
}

/** "02:00" */
function clock(moment: Date): string {
  return moment.toISOString().slice(11, 16)
}

/** Every quarter of an hour asked by itself: what is due in it, by the words of the policy. */
function naive({ schedule }: Policy, after: Date, until: Date): string[] {
  const { full, incremental } = schedule
  const lines: string[] = []
  for (let ms = Math.floor(after.getTime() / stepMs) * stepMs + stepMs; ms < until.getTime(); ms += stepMs) {
    const now = new Date(ms)
    const isFullDay = weekdays[now.getUTCDay()] === full.day
    const line = now.toISOString()
    if (isFullDay && clock(now) === full.time) lines.push(`${line} backup full`)
    if (!isFullDay && clock(now) === incremental.time) lines.push(`${line} backup incremental`)
    const before = new Date(ms - 12 * hourMs)
    if (weekdays[before.getUTCDay()] === full.day && clock(before) === full.time) lines.push(`${line} verify`)
    if (before.getUTCDate() === 1 && clock(before) === incremental.time) lines.push(`${line} restore-test`)
  }
  return lines
}

test('dueTimes() agrees over two years with asking every quarter of an hour', () => {
  const after = new Date('2026-11-25T03:00:30Z')
  const until = new Date('2028-11-24T03:00:00Z')
  for (const one of [
    policy,
    at({ day: 'wednesday', time: '18:45' }, '23:45'),
    at({ day: 'saturday', time: '00:00' }, '12:00'),
  ]) {
    const wanted = naive(one, after, until)
    const found = dueTimes(one, after, wanted.length).map(({ at: moment, procedure, kind }) =>
      [moment.toISOString(), procedure, ...(kind === undefined ? [] : [kind])].join(' '),
    )
    assert.deepEqual(found, wanted)
    if (one !== policy) continue
    const count = (kind: string): number => wanted.filter((line) => line.endsWith(kind)).length
    assert.deepEqual([count('full'), count('incremental')], [104, 626])
  }
})

test('dueTimes() begins after the moment, not at it, and names every source', () => {
  const [first, second] = dueTimes(policy, new Date('2026-11-29T01:59:59.999Z'), 2)
  assert.deepEqual(first, {
    at: new Date('2026-11-29T02:00:00Z'),
    procedure: 'backup',
    kind: 'full',
    sources: ['documents', 'orders', 'main'],
  })
  assert.deepEqual(second?.at, new Date('2026-11-29T14:00:00Z'))
  assert.deepEqual(dueTimes(policy, first.at, 1)[0], second)
})

test('dueTimes() knows yearly ones from facts, and puts overdue ones first', () => {
  const facts = { keyCreatedAt: new Date('2025-11-01T10:00:00Z'), drilledAt: new Date('2025-11-26T12:00:00Z') }
  const due = dueTimes(policy, new Date('2026-11-25T03:00:00Z'), 3, facts)
  assert.deepEqual(
    due.map(({ at: moment, procedure }) => `${moment.toISOString()} ${procedure}`),
    ['2026-11-01T10:00:00.000Z rotate', '2026-11-26T02:00:00.000Z backup', '2026-11-26T12:00:00.000Z recovery-drill'],
  )
})

function latestLines(moment: string): string[] {
  return latestDueTimes(policy, new Date(moment)).map(
    ({ at: one, procedure, kind }) => `${one.toISOString().slice(0, 16)} ${procedure} ${kind ?? ''}`,
  )
}

test('latestDueTimes() finds the last time of each, the moment itself included', () => {
  assert.deepEqual(latestLines('2026-11-29T02:00:00Z'), [
    '2026-11-01T14:00 restore-test ',
    '2026-11-22T14:00 verify ',
    '2026-11-28T02:00 backup incremental',
    '2026-11-29T02:00 backup full',
  ])
  assert.equal(latestLines('2026-11-29T01:59:59.999Z').at(-1), '2026-11-28T02:00 backup incremental')
})
