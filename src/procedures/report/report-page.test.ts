import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleReportFacts } from '../../../testing/report-samples.ts'
import { isFailure } from '../../base/failure.ts'
import { nextEntry } from '../../model/evidence/evidence-entry.ts'
import { reportPage } from './report-page.ts'
import { periodOf } from './report-period.ts'

test('reportPage() is one file without scripts or anything from outside, with every clause and its controls', () => {
  const facts = sampleReportFacts()
  const page = reportPage(facts)
  assert.equal(/<script|<link|<img|src=|url\(|@import|https?:| on[a-z]+=/.exec(page)?.[0], undefined)
  for (const { clause } of facts.status.clauses)
    assert.equal(page.split(`<th scope="row">${clause}</th>`).length, 3, clause)
  for (const said of [
    'A.8.13',
    'A1.2',
    'A1.3',
    'SP 800-34',
    'Lessons learned',
    'The replacement host had 2 cores',
    'run-drill-1',
    facts.keys[0]!,
  ]) {
    assert.ok(page.includes(said), said)
  }
  assert.equal(page.split('<svg').length, 1 + 3 * 4 + 1)
})

test('reportPage() tells what each location could give back and how long it would take, and what nobody measured', () => {
  const facts = sampleReportFacts()
  const phases = { openMs: 1000, transferMs: 600_000, verifyMs: 300_000 }
  const sources = facts.status.sources.map((source) => ({
    ...source,
    forecasts: source.forecasts.map((forecast) =>
      forecast.location === 'secondary'
        ? {
            ...forecast,
            durationMs: 901_000,
            range: undefined,
            replay: { durationMs: 60_000, bytes: 1e9 },
            phases,
            measurements: 2,
            unknown: undefined,
            lacks: ['its services'],
          }
        : forecast,
    ),
  }))
  const breachAt = new Date('2027-01-05T00:00:00Z')
  const forecasts = [
    {
      location: 'secondary',
      durationMs: 2_703_000,
      range: { leastMs: 2_400_000, mostMs: 3_000_000 },
      breachAt,
      unknown: ['x: not measured'],
    },
  ] as const
  const page = reportPage({ ...facts, status: { ...facts.status, sources, forecasts } })
  assert.match(page, /<th scope="row">documents<\/th><td>primary<\/td><td>4 hours<\/td><td>none<\/td><td>not measured/)
  assert.match(
    page,
    /15 min<small>open 1 s, transfer 10 min, compare 5 min, replay 60 s<\/small><small>without its services/,
  )
  assert.match(
    page,
    /<strong>45 min \(40 min to 50 min\)<\/strong><small>target 4 hours, broken by growth on 2027-01-05<\/small>/,
  )
  assert.match(page, /<li>x: not measured<\/li>/)
})

test('reportPage() shows a missed backup, a test with its differences, a refusal and a ledger that was changed', () => {
  const page = reportPage(sampleReportFacts({ ledgerFault: 'entry 7 is not as it was recorded' }))
  assert.match(page, /breached"><p>Oldest newest backup<\/p><strong>49 h/)
  assert.equal(page.match(/<circle class="over"/g)?.length, 1)
  assert.match(page, /Table &quot;order_items&quot;: 120,331 rows restored, 120,340 in the manifest/)
  assert.match(page, /keys export: Cannot keep keys and backups apart/)
  assert.match(page, /The ledger is not as it was recorded: entry 7/)
})

test('reportPage() says that a month or a year is not finished, until its last moment is over; a drill always is', () => {
  const facts = sampleReportFacts()
  const [month, year] = [periodOf('2026-11'), periodOf('2026')]
  const page = (period: typeof month, at: string): string => reportPage({ ...facts, period, at: new Date(at) })
  const told = /Not finished\.<\/strong> This (\w+) goes on until (\S+)\./
  assert.deepEqual(told.exec(page(month, '2026-11-30T23:59:59Z'))?.slice(1), ['month', '2026-11-30'])
  assert.match(page(month, '2026-11-30T23:59:59Z'), /<title>[^<]*November 2026 \(not finished\)<\/title>/)
  assert.doesNotMatch(page(month, '2026-12-01T00:00:00Z'), /not finished/i)
  assert.deepEqual(told.exec(page(year, '2026-12-01T00:00:00Z'))?.slice(1), ['year', '2026-12-31'])
  assert.doesNotMatch(page({ ...month, kind: 'drill' }, '2026-11-30T00:00:00Z'), /not finished/i)
})

function counted(page: string): number[] {
  return /<p>Restore tests<\/p><strong>(\d+) of (\d+)</.exec(page)!.slice(1).map(Number)
}

test('reportPage() counts restore tests that failed before they compared, and no restores that are no tests', () => {
  const facts = { ...sampleReportFacts() }
  const at = new Date('2026-11-20T00:00:00Z')
  const add = (kind: 'run ended' | 'proof', said: Record<string, unknown>): void => {
    facts.entries = [...facts.entries, nextEntry(facts.entries.at(-1)!, { at, kind, actor: 'test', facts: said })]
  }
  const [equal, all] = counted(reportPage(facts))
  add('proof', { run: 'run-a', source: 'orders', outcome: 'equal' })
  add('run ended', { run: 'run-a', procedure: 'database-restore', state: 'done' })
  add('run ended', { run: 'run-b', procedure: 'restore-test', state: 'failed', message: 'the pack was damaged' })
  const page = reportPage(facts)
  assert.deepEqual(counted(page), [equal, all! + 1])
  assert.match(page, /not proven<[^\n]*the pack was damaged/)
})

test('reportPage() escapes whatever a record says, and survives records that lack what it looks for', () => {
  const facts = sampleReportFacts()
  const evil = '"><script>alert(1)</script>\u202e'
  const last = facts.entries.at(-1)!
  const at = new Date('2026-11-20T00:00:00Z')
  const odd = {
    source: evil,
    run: evil,
    outcome: evil,
    step: evil,
    text: evil,
    detail: evil,
    message: evil,
    command: evil,
    weakened: [evil],
    state: 'failed',
    procedure: evil,
    digest: evil,
    event: evil,
    backup: evil,
    location: evil,
    takenAt: 'never',
    bytes: 'many',
  }
  let end = { sequence: last.sequence, hash: last.hash }
  const entries = [...facts.entries]
  for (const kind of [
    'backup stored',
    'proof',
    'drill',
    'step',
    'lesson',
    'refusal',
    'policy version',
    'key event',
    'run ended',
    'verification',
  ] as const) {
    for (const said of [odd, {}]) {
      const entry = nextEntry(end, { at, kind, actor: evil, facts: said })
      entries.push(entry)
      end = entry
    }
  }
  const page = reportPage({
    ...facts,
    entries,
    responsibilities: { [evil]: [evil] },
    period: { ...facts.period, title: evil },
  })
  assert.ok(page.includes('&lt;script&gt;'))
  assert.doesNotMatch(page, /<script|\u202e|NaN|undefined|Infinity/)
  const empty = reportPage({ ...facts, entries: [], heads: [] })
  assert.match(empty, /nothing in this time[\s\S]*None in this time/)
  assert.doesNotMatch(empty, /NaN|undefined|Infinity/)
})

test('periodOf() takes a month and a year, UTC, and refuses what is neither', () => {
  const [month, year] = [periodOf('2026-12'), periodOf('2026')]
  assert.deepEqual(
    [month.title, month.from.toISOString(), month.until.toISOString()],
    ['December 2026', '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
  )
  assert.deepEqual([year.title, year.until.toISOString()], ['2026', '2027-01-01T00:00:00.000Z'])
  for (const text of ['2026-13', '26', '2026-1', ''])
    assert.throws(
      () => periodOf(text),
      (error) => isFailure(error, 'usage'),
    )
})
