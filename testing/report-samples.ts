import { type EvidenceEntry, type EvidenceNote, nextEntry } from '../src/model/evidence/evidence-entry.ts'
import {
  backupStored,
  drillHeld,
  keyUsed,
  lessonLearned,
  policyInForce,
  proven,
  runEnded,
  verified,
} from '../src/model/evidence/evidence-notes.ts'
import { keyIdOf } from '../src/model/evidence/signed-head.ts'
import { policyStatus } from '../src/model/status/policy-status.ts'
import type { ReportFacts } from '../src/procedures/report/report-facts.ts'
import { periodOf } from '../src/procedures/report/report-period.ts'
import { sampleBackup, sampleId, sampleRun } from './backup-samples.ts'
import { sampleEvidenceKey, sampleLedgerId, signedLedger } from './evidence-samples.ts'
import { seededRandom } from './seeded-random.ts'
import { sampleStatusFacts, statusNow, statusPolicy } from './status-samples.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
const sources = [
  ['documents', 'files', 42e9],
  ['orders', 'sqlite', 3.2e8],
  ['main', 'postgresql', 118e9],
] as const

/** Two months of backups with a missed day, a test that failed, a drill, refusals: what a report may have to show. */
function sampleNotes(): EvidenceNote[] {
  const random = seededRandom('report')
  const notes: EvidenceNote[] = []
  const first = Date.UTC(2026, 9, 1, 2)
  notes.push(
    policyInForce({
      digest: 'ab'.repeat(32),
      since: new Date(first - hourMs),
      text: 'version: 1\n',
      weakened: [],
      reason: undefined,
      actor: 'ann@db1',
    }),
  )
  for (let day = 0; first + day * dayMs < statusNow.getTime(); day++) {
    const takenAt = new Date(first + day * dayMs)
    for (const [number, [source, sourceKind, bytes]] of sources.entries()) {
      if (source === 'main' && day === 44) continue
      const kind = takenAt.getUTCDay() === 0 ? 'full' : 'incremental'
      const minutes = (kind === 'full' ? 9 : 2) * (1 + random.below(40) / 100) * (number + 1)
      const endedAt = new Date(takenAt.getTime() + minutes * 60_000)
      const grown = Math.round(bytes * (1 + day * 0.004))
      const id = sampleId(day * 10 + number + 1)
      notes.push(
        backupStored(
          sampleBackup({
            id,
            source,
            sourceKind,
            kind,
            takenAt,
            endedAt,
            bytes: grown,
            bytesAdded: Math.round(grown / 90),
          }),
        ),
      )
    }
    if (takenAt.getUTCDay() === 0) {
      const facts = {
        run: `run-verify-${day}`,
        location: 'secondary',
        generation: 1,
        objects: 900,
        bytes: 4e9,
        faults: 0,
      } as const
      notes.push(
        verified({ ...facts, at: new Date(takenAt.getTime() + 12 * hourMs), scope: { kind: 'data', part: 1, of: 5 } }),
      )
    }
  }
  return [...notes, ...november()].toSorted((a, b) => a.at.getTime() - b.at.getTime())
}

const at = (text: string): Date => new Date(`2026-11-${text}:00Z`)

function november(): EvidenceNote[] {
  const test = { run: 'run-test-7', backup: sampleId(77), location: 'secondary', durationMs: 31 * 60_000 } as const
  const bad = {
    ...test,
    run: 'run-test-8',
    source: 'orders',
    at: at('14T14:25'),
    outcome: 'different',
    durationMs: 95_000,
  } as const
  const failedRun = sampleRun({ id: 'run-test-8', procedure: 'restore', source: 'orders' })
  const message = 'Table "order_items": 120,331 rows restored, 120,340 in the manifest'
  const steps = [
    'open the recovery kit',
    'rebuild the catalog',
    'restore documents',
    'restore orders',
    'restore main',
    'start services',
    'validate the application <web>',
  ]
  const lengths = [2, 4, 41, 3, 72, 5, 6]
  let begin = at('21T09:00').getTime()
  const drillSteps = steps.map((step, index): EvidenceNote => {
    const durationMs = lengths[index]! * 60_000
    begin += durationMs
    const facts = { run: 'run-drill-1', step, state: 'done', durationMs }
    return { at: new Date(begin), kind: 'step', actor: 'ben@fresh', facts }
  })
  return [
    proven({ ...test, source: 'main', at: at('07T14:40'), outcome: 'equal' }),
    proven(bad),
    runEnded(failedRun, { state: 'failed', endedAt: at('14T14:26'), failure: 'not_proven', message }),
    proven({ ...bad, run: 'run-test-9', at: at('15T09:10'), outcome: 'equal' }),
    keyUsed({ at: at('03T10:00'), kind: 'kit tested', generation: 1, actor: 'cem@db1' }),
    {
      at: at('18T11:20'),
      kind: 'refusal',
      actor: 'eve@db1',
      facts: {
        command: 'keys export',
        failure: 'refused',
        message:
          'Cannot keep keys and backups apart: the export "/srv/backup/x" lies in location primary "/srv/backup"',
      },
    },
    ...drillSteps,
    drillHeld(
      {
        run: 'run-drill-1',
        at: new Date(begin),
        outcome: 'recovered',
        durationMs: begin - at('21T09:00').getTime(),
        recoveryPointMs: 7 * hourMs,
        detail: 'Everything but the off-site location and three shares was taken away.',
      },
      'ben@fresh',
    ),
    lessonLearned(
      {
        run: 'run-drill-1',
        text: 'The replacement host had 2 cores; replaying the log took half of the time. Keep a larger one in the plan.',
      },
      at('21T15:00'),
      'dee@office',
    ),
  ]
}

export function sampleReportFacts(changes: Partial<ReportFacts> = {}): ReportFacts {
  const keys = sampleEvidenceKey(Buffer.alloc(32, 7))
  const entries: EvidenceEntry[] = []
  for (const note of sampleNotes()) {
    entries.push(nextEntry({ sequence: entries.length, hash: entries.at(-1)?.hash ?? sampleLedgerId }, note))
  }
  const ledger = signedLedger(entries, 5, keys)
  return {
    period: periodOf('2026-11'),
    at: statusNow,
    programVersion: '0.1.0',
    status: policyStatus(
      sampleStatusFacts({
        kit: { createdAt: new Date('2026-03-02T10:00:00Z'), testedAt: new Date('2026-11-03T10:00:00Z') },
        proofs: [],
      }),
    ),
    objectives: statusPolicy.objectives,
    responsibilities: statusPolicy.responsibilities,
    entries,
    heads: ledger.heads,
    ledger: sampleLedgerId,
    keys: [keyIdOf(ledger.publicKey)],
    ledgerFault: undefined,
    headsCompared: ['primary location: 3 compared'],
    ...changes,
  }
}
