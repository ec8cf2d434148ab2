import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { fakeWorld, keepingStream } from '../../../../testing/fake-world.ts'
import { sampleStatusFacts } from '../../../../testing/status-samples.ts'
import { policyStatus } from '../../../model/status/policy-status.ts'
import type { StatusFacts } from '../../../model/status/status-facts.ts'
import type { CommandContext } from '../../command-entry.ts'
import { Output } from '../../output/output.ts'
import { plainText, textStyle } from '../../output/text-style.ts'
import { runStatus } from './run-status.ts'
import { statusText } from './status-text.ts'

const met = sampleStatusFacts()
/** The newest backup of a source is missing, the off-site location can not be reached, no drill was held. */
const breached = sampleStatusFacts({
  backups: met.backups.filter(
    ({ source, takenAt }) => source !== 'main' || takenAt.getTime() < Date.parse('2026-11-25T00:00:00Z'),
  ),
  drills: [],
  locations: [met.locations[0]!, { name: 'secondary', unreachable: 'no route to host\u001B[2J' }],
})

const breachedText = `Policy of production, 0123456789abcdef, at 2026-11-25 06:00 UTC: breached

Backup Schedule
  met             Full backups
                  documents: full 179c0a00 of 2026-11-22 02:00 (and 5 more)
  breached        Incremental backups
                  main: due 2026-11-25 02:00, not taken; the last complete one
                  is incremental 379c3a00 of 2026-11-24 02:00
                  → zakops-backup backup main
  breached        Database snapshots: PostgreSQL
                  main: due 2026-11-25 02:00, not taken; the last complete one
                  is incremental 379c3a00 of 2026-11-24 02:00
                  → zakops-backup backup main
  met             Database snapshots: SQLite
                  orders: last operation 2026-11-24 09:00, pre-operation
                  00000000 of 2026-11-24 09:00

Backup Locations
  met             Primary
                  /srv/backup is reachable, encrypted (and 2 more)
  due             Secondary
                  /mnt/off-site can not be reached: no route to host\\x1b[2J
                  → zakops-backup replicate

Encryption
  met             Algorithm
                  every object is sealed with AES-256 (counter mode, with
                  Poly1305-AES)
  met             Key management
                  keyring /etc/zakops-backup/keys/keyring.json, apart from the
                  backups
  met             Key rotation
                  generation 1 made 2026-03-01, rotation due 2027-03-01

Testing
  met             Monthly restore tests
                  restored and found equal: documents 179a1200 from secondary,
                  2026-11-01 (run run-test); next due by 2026-12-01
  breached        Annual disaster recovery drill
                  never held; the first was due by 2026-06-01
                  → zakops-backup procedure run recovery-drill

Recovery Objectives
  met             Recovery time (RTO)
                  slowest within a year: 20 minutes (restore of documents, run
                  run-test, 2026-11-01); target 4 hours
  breached        Recovery point (RPO)
                  main: 28 hours old: incremental 379c3a00 of 2026-11-24 02:00;
                  target 24 hours
                  → zakops-backup backup main

Responsibilities
  met             Responsibilities
                  DevOps: ann; DBA: ben; Security: cem; Management: dee
`

const mainText = `main (postgresql)
  last full           2026-11-22 02:00  379c0a00
  last incremental    2026-11-24 02:00  379c3a00
  newest good         28 hours old, target 24 hours
  recovery point      primary 28 hours, secondary 28 hours
  newest proven       primary none, secondary none
  restore forecast    primary not measured, secondary not measured
  copies              primary 12 of 12, secondary 12 of 12
  last verification   2026-11-22 14:30  primary, no faults
  next due            2026-11-26 02:00  incremental

14 clauses: 9 met, 1 due, 4 breached (exit code 5)`

async function run(
  facts: StatusFacts,
  changes: { json?: boolean; columns?: number; environment?: Record<string, string> } = {},
): Promise<{ outcome: string; stdout: string }> {
  const stdout = keepingStream(changes.columns)
  const world = fakeWorld({ stdout, environment: changes.environment ?? {} })
  const output = new Output({ stdout, stderr: world.stderr, json: changes.json ?? false, verbosity: 'normal' })
  const context = { world, output, signal: world.signal, globals: {} } as unknown as CommandContext
  const outcome = await runStatus(context, async () => facts)
  await output.end()
  return { outcome, stdout: stdout.text() }
}

test('status tells a breached policy in 80 columns, with what to do at each breach', async () => {
  const { outcome, stdout } = await run(breached)
  assert.equal(outcome, 'damaged')
  assert.equal(stdout.slice(0, breachedText.length), breachedText)
  assert.equal(stdout.slice(-mainText.length - 1), `${mainText}\n`)
})

test('status of a policy that is kept ends well', async () => {
  const { outcome, stdout } = await run(met)
  assert.equal(outcome, 'done')
  assert.match(stdout, /UTC: met\n/)
  assert.match(stdout, /\n14 clauses: 14 met\n$/)
})

test('statusText() keeps to the width, whatever the colours', () => {
  for (const facts of [met, breached]) {
    for (const width of [60, 80, 100]) {
      const plain = statusText(policyStatus(facts), width, plainText)
      const long = plain.filter((line) => line.length > width && !line.includes('→'))
      assert.deepEqual(
        long.filter((line) => line.trim().includes(' ') && !line.startsWith('Policy of')),
        [],
      )
      const coloured = statusText(policyStatus(facts), width, textStyle({ stdout: keepingStream(80), environment: {} }))
      assert.deepEqual(coloured.map(stripVTControlCharacters), plain)
    }
  }
})

test('status is coloured on a terminal only, and not with NO_COLOR', async () => {
  const terminal = await run(breached, { columns: 80 })
  assert.ok(terminal.stdout.includes('\u001B[1;31mbreached\u001B[0m'))
  for (const changes of [
    {},
    { columns: 80, environment: { NO_COLOR: '1' } },
    { columns: 80, environment: { TERM: 'dumb' } },
  ]) {
    assert.ok(!(await run(breached, changes)).stdout.includes('\u001B'))
  }
})

test('status --json is one document with every clause and source', async () => {
  const { stdout, outcome } = await run(breached, { json: true })
  assert.equal(outcome, 'damaged')
  const document = JSON.parse(stdout) as Record<string, unknown[]>
  assert.equal(document['clauses']!.length, 14)
  assert.partialDeepStrictEqual(document, {
    message_type: 'policy_status',
    environment: 'production',
    at: '2026-11-25T06:00:00.000Z',
    state: 'breached',
  })
  assert.deepEqual(document['clauses']![10], {
    section: 'Testing',
    clause: 'Annual disaster recovery drill',
    state: 'breached',
    evidence: [{ state: 'breached', text: 'never held; the first was due by 2026-06-01' }],
    remedy: 'zakops-backup procedure run recovery-drill',
  })
  assert.partialDeepStrictEqual(document['sources']![2], {
    source: 'main',
    last_pre_operation: null,
    newest_good: { taken_at: '2026-11-24T02:00:00.000Z', gaps: 0 },
    newest_good_age_ms: 28 * 3_600_000,
    next_due: { at: '2026-11-26T02:00:00.000Z', kind: 'incremental' },
  })
})
