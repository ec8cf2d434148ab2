import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleStatusFacts } from '../../../testing/status-samples.ts'
import { policyStatus } from './policy-status.ts'
import type { ClauseState } from './clause-status.ts'
import type { KitFact } from './status-facts.ts'

test('the key management clause wants a kit that knows the newest key and was tested within a year', () => {
  const day = (text: string): Date => new Date(`${text}T10:00:00Z`)
  const cases: readonly (readonly [KitFact, ClauseState, RegExp])[] = [
    [{ createdAt: day('2026-03-02'), testedAt: day('2026-03-03') }, 'met', /kit made 2026-03-02, tested 2026-03-03/],
    [{ createdAt: day('2026-03-02'), testedAt: undefined }, 'due', /never tested; due by 2027-03-02/],
    [{ createdAt: day('2026-03-02'), testedAt: day('2025-11-01') }, 'breached', /tested 2025-11-01; due by 2026-11-01/],
    [{ createdAt: day('2026-02-01'), testedAt: day('2026-02-01') }, 'due', /before generation 1: it does not open/],
    [{ createdAt: undefined, testedAt: undefined }, 'breached', /no recovery kit was made; due by 2026-06-01/],
  ]
  for (const [kit, state, evidence] of cases) {
    const clause = policyStatus(sampleStatusFacts({ kit })).clauses.find((one) =>
      one.clause.endsWith('key management'),
    )!
    assert.equal(clause.state, state, evidence.source)
    assert.match(clause.evidence.map(({ text }) => text).join('; '), evidence)
  }
})
