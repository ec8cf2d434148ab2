import type { Backup } from '../src/model/backup.ts'
import { readPolicy } from '../src/model/policy/read-policy.ts'
import type { Policy } from '../src/model/policy/policy.ts'
import type { Run } from '../src/model/run.ts'
import type { StatusFacts } from '../src/model/status/status-facts.ts'
import { sampleBackup, sampleId, sampleRun } from './backup-samples.ts'
import { samplePolicyPath, samplePolicyText } from './sample-policy.ts'

const dayMs = 86_400_000
/** A Wednesday, four hours after the daily backups. */
export const statusNow = new Date('2026-11-25T06:00:00Z')
const newestAt = Date.UTC(2026, 10, 25, 2)

const { policy } = readPolicy(samplePolicyText, samplePolicyPath)
export const statusPolicy: Policy = policy

/** Daily backups of a source: five fulls of Sundays and eight incrementals, one more each than the policy wants. */
function backupsOf(source: string, number: number): Backup[] {
  const days = Array.from({ length: 35 }, (_, back) => new Date(newestAt - back * dayMs))
  const fulls = days.filter((day) => day.getUTCDay() === 0)
  const incrementals = days.filter((day) => day.getUTCDay() !== 0).slice(0, 8)
  const kindOf = { documents: 'files', orders: 'sqlite', main: 'postgresql' } as const
  const sourceKind = kindOf[source as keyof typeof kindOf]
  return [...fulls, ...incrementals].map((takenAt) => {
    const id = `${number}${(takenAt.getTime() / 3_600_000).toString(16)}`.padEnd(64, '0')
    return sampleBackup({ id, source, sourceKind, takenAt, kind: takenAt.getUTCDay() === 0 ? 'full' : 'incremental' })
  })
}

/** An operation that was guarded, with its backup. */
export const guardRun: Run = {
  ...sampleRun({ id: 'run-guard:operation', procedure: 'guard', trigger: 'guard', source: 'orders', dueAt: undefined }),
  startedAt: new Date('2026-11-24T09:00:00Z'),
  state: 'done',
  endedAt: new Date('2026-11-24T09:10:00Z'),
  summary: 'the command succeeded',
}

const guardBackup = sampleBackup({
  id: sampleId(0xfeed),
  source: 'orders',
  sourceKind: 'sqlite',
  kind: 'pre-operation',
  run: 'run-guard:orders',
  takenAt: new Date('2026-11-24T09:00:01Z'),
})

/** A year and a half of a policy that is kept: every clause is met. Changes take the place of what is named. */
export function sampleStatusFacts(changes: Partial<StatusFacts> = {}): StatusFacts {
  const backups = [...['documents', 'orders', 'main'].flatMap((name, at) => backupsOf(name, at + 1)), guardBackup]
  const verification = { run: 'run-verify', at: new Date('2026-11-22T14:30:00Z'), generation: 1, objects: 9, bytes: 9 }
  const facts: StatusFacts = {
    policy: statusPolicy,
    policyDigest: '0123456789abcdef'.repeat(4),
    policySince: new Date('2025-06-01T12:00:00Z'),
    sourcesSince: {},
    backups,
    copies: [],
    verifications: (['primary', 'secondary'] as const).map((location) => ({
      ...verification,
      location,
      scope: { kind: 'data', part: 1, of: 5 } as const,
      faults: 0,
    })),
    proofs: [
      {
        run: 'run-test',
        at: new Date('2026-11-01T14:20:00Z'),
        backup: backups[3]!.id,
        source: 'documents',
        location: 'secondary',
        outcome: 'equal',
        durationMs: 20 * 60_000,
      },
    ],
    testRuns: new Set(['run-test']),
    sizesOf: new Map(backups.map(({ id, bytes, files }) => [id, { bytes, files }])),
    walStands: [],
    replays: [],
    serviceMs: {},
    setUpMs: undefined,
    runs: [guardRun],
    interrupted: [],
    drills: [
      {
        run: 'run-drill',
        at: new Date('2026-02-01T10:00:00Z'),
        outcome: 'recovered',
        durationMs: 2 * 3_600_000,
        lessons: 'written',
      },
    ],
    keyring: {
      state: 'apart',
      path: '/etc/zakops-backup/keys/keyring.json',
      generations: [{ generation: 1, createdAt: new Date('2026-03-01T02:00:00Z'), state: 'active' }],
    },
    algorithm: 'AES-256',
    locations: [
      { name: 'primary', unreachable: undefined },
      { name: 'secondary', unreachable: undefined },
    ],
    now: statusNow,
    ...changes,
  }
  if (changes.copies !== undefined) return facts
  const copies = facts.backups.flatMap(({ id, endedAt }) =>
    (['primary', 'secondary'] as const).map((location) => ({ backup: id, location, storedAt: endedAt })),
  )
  return { ...facts, copies }
}
