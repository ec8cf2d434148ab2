import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { sampleRun } from '../../testing/backup-samples.ts'
import { samplePolicyPath, samplePolicyText } from '../../testing/sample-policy.ts'
import { seededRandom, type SeededRandom } from '../../testing/seeded-random.ts'
import { type Policy, weekdays } from '../model/policy/policy.ts'
import { readPolicy } from '../model/policy/read-policy.ts'
import type { Run } from '../model/run.ts'
import { runOf } from '../procedures/backup/run-backups.ts'
import { dueRunId, parseDueRunId } from './due-run-id.ts'
import { attemptsMax, type DueFacts, type DueRun, dueRuns } from './due-runs.ts'

const { policy: sample } = readPolicy(samplePolicyText, samplePolicyPath)
const minuteMs = 60_000
const dayMs = 86_400_000

function facts(changes: Partial<DueFacts> & Pick<DueFacts, 'now'>): DueFacts {
  return {
    policy: sample,
    runs: [],
    withoutBackup: new Set(),
    isCopyMissing: false,
    inForceSince: new Date('2026-11-01T00:00:00Z'),
    ...changes,
  }
}

type Outcome = 'done' | 'failed' | 'lost' | 'running'

/** The records that a due run leaves in the catalog. */
function recordsOf(due: DueRun, now: Date, outcomeOf: (source: string) => Outcome): Run[] {
  const record = (id: string, source: string | undefined): Run => {
    const beginning = sampleRun({ id, procedure: due.procedure, source, dueAt: due.dueAt, startedAt: now })
    const state = outcomeOf(source ?? 'verify')
    if (state === 'running') return { ...beginning, state }
    if (state === 'lost') return { ...beginning, state, endedAt: now }
    if (state === 'failed') return { ...beginning, state, endedAt: now, failure: 'storage_full', message: 'no room' }
    return { ...beginning, state, endedAt: now, summary: '' }
  }
  return due.procedure !== 'backup'
    ? [record(due.id, undefined)]
    : due.sources.map((source) => record(runOf(due, source), source))
}

function lineOf(due: DueRun, now: Date): string[] {
  const when = `${now.toISOString()} ${due.dueAt.toISOString()}`
  if (due.procedure === 'verify') return [`${when} verify ${due.data} ${due.attempt}`]
  if (due.procedure === 'replicate') return [`${when} replicate`]
  if (due.procedure === 'restore-test') return [] // It has a test of its own.
  return due.sources.map((source) => `${when} ${source} ${due.kind} ${due.attempt}`)
}

/** What the naive reference keeps of a source, or of the verification. */
interface Owed {
  isDue: boolean
  needsFull: boolean
  slot: number
  attempts: number
  notBefore: number
  missed: number
}

/** One moment at which the service is awake, and what becomes of each of its runs, by name. */
interface Tick {
  readonly minute: number
  readonly outcomes: Readonly<Record<string, Outcome>>
}

/** Lives through every minute, awake or not, and says what runs are done at each tick. */
function naiveRuns(policy: Policy, startMinute: number, ticks: readonly Tick[]): string[] {
  const { full, incremental } = policy.schedule
  const start = { isDue: false, slot: 0, attempts: 0, notBefore: 0, missed: 0 }
  const sources = new Map<string, Owed>()
  for (const name of Object.keys(policy.sources)) {
    sources.set(name, { ...start, isDue: true, needsFull: true, slot: startMinute })
  }
  const verify: Owed = { ...start, needsFull: false }
  const lines: string[] = []
  const byMinute = new Map(ticks.map((tick) => [tick.minute, tick]))
  const verifyShift = (12 * 60 * minuteMs) / minuteMs
  const isFullMinute = (minute: number): boolean => {
    const at = new Date(minute * minuteMs)
    return weekdays[at.getUTCDay()] === full.day && at.toISOString().slice(11, 16) === full.time
  }
  for (let minute = startMinute; minute <= ticks.at(-1)!.minute; minute++) {
    const at = new Date(minute * minuteMs)
    const isFull = isFullMinute(minute)
    const isIncremental = weekdays[at.getUTCDay()] !== full.day && at.toISOString().slice(11, 16) === incremental.time
    for (const owed of sources.values()) {
      if (isFull) owed.needsFull = true
      if (isFull || isIncremental) Object.assign(owed, { isDue: true, slot: minute, attempts: 0, notBefore: 0 })
    }
    if (isFullMinute(minute - verifyShift)) {
      Object.assign(verify, { isDue: true, slot: minute, attempts: 0, notBefore: 0, missed: verify.missed + 1 })
    }
    const tick = byMinute.get(minute)
    if (tick === undefined) continue
    for (const [name, owed] of [...sources, ['verify', verify] as const]) {
      if (!owed.isDue || owed.attempts >= attemptsMax || minute < owed.notBefore) continue
      const what =
        name === 'verify'
          ? `verify ${owed.missed > 1 ? 'all' : 'part'}`
          : `${name} ${owed.needsFull ? 'full' : 'incremental'}`
      lines.push(`${at.toISOString()} ${new Date(owed.slot * minuteMs).toISOString()} ${what} ${owed.attempts + 1}`)
      if (tick.outcomes[name] === 'done') Object.assign(owed, { isDue: false, needsFull: false, missed: 0 })
      else {
        owed.attempts += 1
        owed.notBefore = minute + 5 * 2 ** (owed.attempts - 1)
      }
    }
  }
  return lines
}

/** The same by dueRuns(), which knows nothing but the records. */
function plannedRuns(policy: Policy, startMinute: number, ticks: readonly Tick[]): string[] {
  const runs: Run[] = []
  const lines: string[] = []
  const inForceSince = new Date(startMinute * minuteMs)
  for (const { minute, outcomes } of ticks) {
    const now = new Date(minute * minuteMs)
    for (const due of dueRuns(facts({ policy, runs, withoutBackup: withoutBackup(policy, runs), inForceSince, now }))) {
      lines.push(...lineOf(due, now))
      runs.push(...recordsOf(due, now, (name) => outcomes[name]!))
    }
  }
  return lines
}

function withoutBackup(policy: Policy, runs: readonly Run[]): Set<string> {
  const has = new Set(runs.filter(({ state }) => state === 'done').map(({ source }) => source))
  return new Set(Object.keys(policy.sources).filter((name) => !has.has(name)))
}

/** Awake for hours, asleep for up to three weeks; good days and bad ones. */
function someTicks(policy: Policy, startMinute: number, days: number, random: SeededRandom): Tick[] {
  const ticks: Tick[] = []
  const end = startMinute + days * 24 * 60
  let isBad = false
  for (let minute = startMinute; minute < end; ) {
    if (random.below(40) === 0) isBad = !isBad
    const outcome = (): Outcome => (random.below(10) < (isBad ? 9 : 1) ? random.pick(['failed', 'lost']) : 'done')
    const names = [...Object.keys(policy.sources), 'verify']
    ticks.push({ minute, outcomes: Object.fromEntries(names.map((name) => [name, outcome()])) })
    minute += random.below(60) === 0 ? random.below(21 * 24 * 60) : 1 + random.below(4 * 60)
  }
  return ticks
}

function withSchedule(day: Policy['schedule']['full']['day'], fullTime: string, incrementalTime: string): Policy {
  const { schedule } = sample
  return {
    ...sample,
    schedule: {
      ...schedule,
      full: { ...schedule.full, day, time: fullTime },
      incremental: { ...schedule.incremental, time: incrementalTime },
    },
  }
}

function byLine(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

test('dueRuns() does what living through every minute of three months says, whatever sleeps and failures', () => {
  const times = fc.constantFrom('00:00', '02:00', '02:01', '11:30', '12:00', '23:59')
  fc.assert(
    fc.property(
      fc.string(),
      fc.constantFrom(...weekdays),
      times,
      times,
      fc.nat(7 * 24 * 60),
      (seed, day, a, b, offset) => {
        const policy = withSchedule(day, a, b)
        const startMinute = Date.parse('2026-11-01T00:00:00Z') / minuteMs + offset
        const ticks = someTicks(policy, startMinute, 90, seededRandom(seed))
        assert.deepEqual(
          plannedRuns(policy, startMinute, ticks).toSorted(byLine),
          naiveRuns(policy, startMinute, ticks).toSorted(byLine),
        )
      },
    ),
    { numRuns: 5 },
  )
})

test('dueRuns() neither repeats nor leaves out a due time while the clock jumps forwards and back', () => {
  fc.assert(
    fc.property(fc.string(), (seed) => {
      const random = seededRandom(seed)
      const runs: Run[] = []
      const inForceSince = new Date('2026-11-01T00:00:00Z')
      let ms = inForceSince.getTime()
      for (let step = 0; step < 300; step++) {
        const jump = random.below(20) === 0 ? (random.below(21) - 10) * dayMs : 0
        ms = Math.max(inForceSince.getTime(), ms + random.below(3 * 60) * minuteMs + jump)
        const now = new Date(ms)
        const ask = (): DueRun[] =>
          dueRuns(facts({ runs, withoutBackup: withoutBackup(sample, runs), inForceSince, now }))
        const due = ask()
        for (const one of due) runs.push(...recordsOf(one, now, () => 'done'))
        assert.ok(due.every(({ dueAt }) => dueAt <= now))
        // With the first backups there is something that a restore test can be made of.
        const next = ask()
        assert.ok(next.every(({ procedure }) => procedure === 'restore-test' && step === 0))
        for (const one of next) runs.push(...recordsOf(one, now, () => 'done'))
        assert.deepEqual(ask(), [], 'what was done is due again')
        // The last due time before now has its run, whenever that was.
        const day = now.getUTCHours() >= 2 ? 0 : dayMs
        const slot = new Date(`${new Date(ms - day).toISOString().slice(0, 10)}T02:00:00Z`)
        if (slot < inForceSince) continue
        for (const source of Object.keys(sample.sources)) {
          const covering = runs.filter((run) => run.source === source && run.dueAt! >= slot && run.dueAt! <= now)
          assert.ok(covering.length > 0, `${source} has nothing for ${slot.toISOString()}`)
        }
      }
      const ids = runs.map(({ id }) => id)
      assert.equal(new Set(ids).size, ids.length, 'a due run began twice')
    }),
    { numRuns: 8, examples: [['"9']] }, // Of the example, the clock jumps over a restore test at once.
  )
})

test('dueRuns() has a new source backed up in full at once, beside the others', () => {
  const now = new Date('2026-11-25T10:00:00Z') // a Wednesday
  const first = dueRuns(facts({ now, withoutBackup: new Set(['orders']) }))
  const [due] = first
  assert.deepEqual(
    first.map((one) => (one.procedure === 'backup' ? [one.id, one.sources] : [one.id])),
    [
      ['due-20261125T0200Z-full', ['documents', 'orders', 'main']],
      ['due-20261122T1400Z-verify'],
      ['due-20261101T1400Z-restore-test'],
    ],
  )
  const runs = recordsOf(due!, now, () => 'done').filter(({ source }) => source !== 'orders')
  const rest = dueRuns(facts({ now, runs, withoutBackup: new Set(['orders']) })).filter(isBackup)
  assert.deepEqual(
    rest.map(({ id, sources }) => [id, sources]),
    [['due-20261125T0200Z-full', ['orders']]],
  )
})

test('dueRuns() has the first backup of a source be a full on any day', () => {
  const now = new Date('2026-11-25T10:00:00Z')
  const inForceSince = new Date('2026-11-23T00:00:00Z')
  const due = dueRuns(facts({ now, inForceSince, withoutBackup: new Set(['orders']) })).filter(isBackup)
  assert.deepEqual(
    due.map(({ id, sources }) => [id, sources]),
    [
      ['due-20261125T0200Z-incremental', ['documents', 'main']],
      ['due-20261125T0200Z-full', ['orders']],
    ],
  )
})

test('dueRuns() waits for no time that a clock which was put back has to reach again', () => {
  const [due] = dueRuns(facts({ now: new Date('2026-11-25T10:00:00Z') }))
  const inAYear = new Date('2027-11-25T10:00:00Z')
  const runs = recordsOf(due!, inAYear, () => 'failed')
  const [again] = dueRuns(facts({ now: new Date('2026-11-25T10:00:00Z'), runs }))
  assert.equal(again?.id, 'due-20261125T0200Z-full-2')
})

test('dueRuns() takes what was backed up by a clock that was days ahead for what it is', () => {
  const now = new Date('2026-11-25T02:05:00Z')
  const due = dueRuns(facts({ now })).filter(isBackup)
  for (const [aheadHours, again] of [
    [3, 0],
    [12, 0],
    [13, 1],
    [24 * 365, 1],
  ] as const) {
    const runs = due.flatMap((one) => recordsOf(one, new Date(now.getTime() + aheadHours * 3_600_000), () => 'done'))
    assert.equal(dueRuns(facts({ now, runs })).filter(isBackup).length, again, `${aheadHours} hours ahead`)
  }
})

test('dueRuns() asks for the first backup at once where no time was due since the policy is in force', () => {
  const inForceSince = new Date('2026-11-25T09:30:40Z')
  const now = new Date('2026-11-25T09:30:41Z')
  const [due, ...others] = dueRuns(facts({ now, inForceSince, withoutBackup: new Set(['main']) }))
  assert.deepEqual(others, [])
  assert.deepEqual(due, {
    id: 'due-20261125T0930Z-full',
    procedure: 'backup',
    kind: 'full',
    sources: ['main'],
    dueAt: new Date('2026-11-25T09:30:00Z'),
    attempt: 1,
  })
})

test('dueRuns() makes up for nothing that was due before the policy came into force', () => {
  const now = new Date('2026-11-25T10:00:00Z')
  assert.deepEqual(dueRuns(facts({ now, inForceSince: new Date('2026-11-25T02:01:00Z') })), [])
  assert.equal(dueRuns(facts({ now, inForceSince: new Date('2026-11-25T02:00:00Z') })).length, 1)
})

test('dueRuns() has nothing of a source due while a run of it goes on, however long', () => {
  const now = new Date('2026-11-25T10:00:00Z')
  const [due] = dueRuns(facts({ now }))
  const runs = recordsOf(due!, now, (source) => (source === 'main' ? 'running' : 'done'))
  const later = dueRuns(facts({ now: new Date('2026-11-26T02:00:00Z'), runs })).filter(isBackup)
  assert.deepEqual(
    later.map(({ sources }) => sources),
    [['documents', 'orders']],
  )
})

test('dueRuns() takes up a full that failed for good with the next due time', () => {
  const runs: Run[] = []
  const kinds: string[] = []
  for (let ms = Date.parse('2026-11-28T03:00:00Z'); ms < Date.parse('2026-12-01T03:00:00Z'); ms += 5 * minuteMs) {
    const now = new Date(ms)
    const isBroken = ms < Date.parse('2026-11-30T02:00:00Z')
    for (const due of dueRuns(facts({ now, runs, inForceSince: new Date('2026-11-28T02:30:00Z') })).filter(isBackup)) {
      kinds.push(due.id)
      runs.push(...recordsOf(due, now, () => (isBroken ? 'failed' : 'done')))
    }
  }
  assert.deepEqual(kinds, [
    'due-20261129T0200Z-full',
    'due-20261129T0200Z-full-2',
    'due-20261129T0200Z-full-3',
    'due-20261129T0200Z-full-4',
    'due-20261129T0200Z-full-5',
    'due-20261130T0200Z-full',
    'due-20261201T0200Z-incremental',
  ])
})

test('dueRuns() has what is missing off-site copied an hour after the last try, and not beside a backup', () => {
  const runs: Run[] = []
  const done: string[] = []
  for (let ms = Date.parse('2026-11-25T02:00:00Z'); ms < Date.parse('2026-11-25T05:30:00Z'); ms += minuteMs) {
    const now = new Date(ms)
    const isCopyMissing = ms < Date.parse('2026-11-25T04:30:00Z')
    const inForceSince = new Date('2026-11-25T01:00:00Z')
    for (const due of dueRuns(facts({ now, runs, isCopyMissing, inForceSince }))) {
      done.push(`${now.toISOString().slice(11, 16)} ${due.id}`)
      runs.push(...recordsOf(due, now, () => 'done'))
    }
  }
  assert.deepEqual(done, [
    '02:00 due-20261125T0200Z-incremental',
    '03:00 due-20261125T0300Z-replicate',
    '04:00 due-20261125T0400Z-replicate',
  ])
})

test('parseDueRunId() reads what dueRunId() wrote, of the whole and of one source, and nothing else', () => {
  const name = { dueAt: new Date('2026-11-29T02:00:00Z'), kind: 'full', attempt: 3 } as const
  assert.equal(dueRunId(name), 'due-20261129T0200Z-full-3')
  assert.deepEqual(parseDueRunId(dueRunId(name)), name)
  assert.deepEqual(parseDueRunId(runOf({ id: dueRunId({ ...name, attempt: 1 }) }, 'documents')), {
    ...name,
    attempt: 1,
  })
  for (const id of [
    'run-0123456789abcdef',
    'due-20261329T0200Z-full',
    'due-20261129T0200Z-fully',
    'due-20261129T0200Z-full-0',
  ]) {
    assert.equal(parseDueRunId(id), undefined, id)
  }
})

function isBackup(due: DueRun): due is DueRun & { procedure: 'backup' } {
  return due.procedure === 'backup'
}

test('dueRuns() has a restore test due once a month, twelve hours after the backup of its first day, and tries it again', () => {
  const inForceSince = new Date('2027-01-10T00:00:00Z')
  const runs: Run[] = []
  const days: string[] = []
  for (let hour = 0; hour < 24 * 100; hour++) {
    const now = new Date(inForceSince.getTime() + hour * 3_600_000)
    const due = dueRuns(facts({ inForceSince, now, runs, withoutBackup: new Set() })).filter(
      ({ procedure }) => procedure === 'restore-test',
    )
    for (const one of due) {
      days.push(`${now.toISOString().slice(0, 13)} ${one.id}`)
      runs.push(...recordsOf(one, now, () => (days.length === 1 ? 'failed' : 'done')))
    }
  }
  assert.deepEqual(days, [
    '2027-02-01T14 due-20270201T1400Z-restore-test',
    '2027-02-01T15 due-20270201T1400Z-restore-test-2',
    '2027-03-01T14 due-20270301T1400Z-restore-test',
    '2027-04-01T14 due-20270401T1400Z-restore-test',
  ])
})
