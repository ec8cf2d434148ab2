import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sampleRun } from '../../../testing/backup-samples.ts'
import { guardRun, sampleStatusFacts, statusNow, statusPolicy } from '../../../testing/status-samples.ts'
import type { Backup } from '../backup.ts'
import type { Run } from '../run.ts'
import type { ClauseState } from './clause-status.ts'
import { policyStatus } from './policy-status.ts'
import type { StatusFacts } from './status-facts.ts'

const sample = sampleStatusFacts()
const at = (text: string): Date => new Date(`${text}Z`)
const without = (isGone: (backup: Backup) => boolean): Partial<StatusFacts> => ({
  backups: sample.backups.filter((backup) => !isGone(backup)),
})
const withGaps = (isMeant: (backup: Backup) => boolean): Partial<StatusFacts> => ({
  backups: sample.backups.map((backup) => (isMeant(backup) ? { ...backup, gaps: 3 } : backup)),
})
const onDay = (day: string, source: string): ((backup: Backup) => boolean) => {
  return (backup) => backup.source === source && backup.takenAt.toISOString().startsWith(day)
}
const noCopy = (location: string, isMeant: (backup: Backup) => boolean): Partial<StatusFacts> => {
  const ids = new Set(sample.backups.filter(isMeant).map(({ id }) => id))
  return { copies: sample.copies.filter((copy) => copy.location !== location || !ids.has(copy.backup)) }
}
const running = (startedAt: Date): Run => ({
  ...sampleRun({ id: 'run-now', source: 'documents', startedAt }),
  state: 'running',
})
/** A policy that came in force yesterday noon, before anything was backed up. */
const fresh: Partial<StatusFacts> = {
  policySince: at('2026-11-24T12:00:00'),
  backups: [],
  copies: [],
  runs: [],
  proofs: [],
  drills: [],
  verifications: [],
  keyring: { state: 'apart', path: '/k', generations: [] },
  now: at('2026-11-24T13:00:00'),
}
const { keyring } = sample
const generations = keyring.state === 'unopened' ? [] : keyring.generations
const newest = '2026-11-25'
const staging: Partial<StatusFacts> = {
  policy: {
    ...statusPolicy,
    environment: 'staging',
    locations: { staging: { primary: { storage: '/b', encrypted: true }, secondary: 'N/A' } },
  },
}
const noSources: Partial<StatusFacts> = { policy: { ...statusPolicy, sources: {} }, backups: [], copies: [] }

const refuted = { source: 'main', outcome: 'different' } as const
const differentProofs = sample.proofs.map((one) => ({ ...one, outcome: 'different' as const }))

/** Each clause in each state: the facts that make it so, what the evidence says, and the command that mends it. */
const table: readonly (readonly [string, ClauseState, Partial<StatusFacts>, RegExp, string?])[] = [
  ['Full backups', 'met', {}, /documents: full 1\w{7} of 2026-11-22 02:00/],
  ['Full backups', 'not yet', fresh, /documents: the first is due 2026-11-25 02:00/],
  ['Full backups', 'not applicable', noSources, /^$/],
  [
    'Full backups',
    'due',
    { ...without(onDay('2026-11-22', 'documents')), now: at('2026-11-22T02:59:59') },
    /documents: due 2026-11-22 02:00; the last complete one is full \w+ of 2026-11-15 02:00/,
    'zakops-backup backup documents --kind full',
  ],
  [
    'Full backups',
    'due',
    {
      ...without(onDay('2026-11-22', 'documents')),
      now: at('2026-11-22T09:00:00'),
      runs: [running(at('2026-11-22T02:00:01'))],
    },
    /documents: due 2026-11-22 02:00, run run-now is taking it/,
    'zakops-backup backup documents --kind full',
  ],
  [
    'Full backups',
    'breached',
    { ...without(onDay('2026-11-22', 'documents')), now: at('2026-11-22T03:00:00') },
    /documents: due 2026-11-22 02:00, not taken; the last complete one is full \w+ of 2026-11-15/,
    'zakops-backup backup documents --kind full',
  ],
  [
    'Full backups',
    'breached',
    withGaps(onDay('2026-11-22', 'documents')),
    /full \w+ of 2026-11-22 02:00 is partial, 3 missing; the last complete one is full/,
    'zakops-backup backup documents --kind full',
  ],
  [
    'Full backups',
    'breached',
    without((one) => onDay('2026-11-08', 'orders')(one) || onDay('2026-11-15', 'orders')(one)),
    /orders: full: 3 of 4 copies since 2026-10-25 \(4 weeks wanted\), short/,
    'zakops-backup catalog rebuild && zakops-backup backup orders --kind full',
  ],
  ['Incremental backups', 'met', {}, /documents: incremental 1\w{7} of 2026-11-25 02:00/],
  ['Incremental backups', 'not yet', fresh, /the first is due 2026-11-25 02:00/],
  [
    'Incremental backups',
    'due',
    { ...without(onDay(newest, 'documents')), now: at('2026-11-25T02:30:00') },
    /documents: due 2026-11-25 02:00; the last complete one is incremental \w+ of 2026-11-24/,
    'zakops-backup backup documents',
  ],
  [
    'Incremental backups',
    'breached',
    without(onDay(newest, 'documents')),
    /documents: due 2026-11-25 02:00, not taken/,
    'zakops-backup backup documents',
  ],
  [
    'Incremental backups',
    'breached',
    { ...without(onDay(newest, 'documents')), runs: [guardRun, running(at('2026-11-25T01:00:00'))] },
    /documents: due 2026-11-25 02:00, not taken/,
    'zakops-backup backup documents',
  ],
  ['Database snapshots: PostgreSQL', 'met', {}, /main: incremental 3\w+ of 2026-11-25/],
  ['Database snapshots: PostgreSQL', 'not yet', fresh, /main: the first is due/],
  [
    'Database snapshots: PostgreSQL',
    'due',
    { ...without(onDay(newest, 'main')), now: at('2026-11-25T02:30:00') },
    /main: due 2026/,
    'zakops-backup backup main',
  ],
  [
    'Database snapshots: PostgreSQL',
    'breached',
    without(onDay(newest, 'main')),
    /main: due 2026-11-25 02:00, not taken/,
    'zakops-backup backup main',
  ],
  ['Database snapshots: PostgreSQL', 'not applicable', noSources, /no source is a PostgreSQL server/],
  ['Database snapshots: SQLite', 'met', {}, /orders: last operation 2026-11-24 09:00, pre-operation \w+ of 2026-11-24/],
  ['Database snapshots: SQLite', 'met', { runs: [] }, /orders: pre-operation/],
  ['Database snapshots: SQLite', 'not yet', fresh, /orders: no operation was guarded so far/],
  ['Database snapshots: SQLite', 'not applicable', noSources, /no source is a SQLite database/],
  [
    'Database snapshots: SQLite',
    'breached',
    without(({ kind }) => kind === 'pre-operation'),
    /orders: the operation of 2026-11-24 09:00 \(run run-guard:operation\) has no backup/,
    'zakops-backup guard orders -- COMMAND',
  ],
  [
    'Backup locations: primary',
    'met',
    {},
    /\/srv\/backup is reachable, encrypted; all 40 backups there; verified 2026-11-22 14:30/,
  ],
  [
    'Backup locations: primary',
    'due',
    noCopy('primary', onDay(newest, 'main')),
    /1 of 40 backups not there, the oldest incr/,
    'zakops-backup heal',
  ],
  [
    'Backup locations: primary',
    'breached',
    noCopy('primary', onDay('2026-11-15', 'main')),
    /1 of 40 backups not there, the oldest full/,
    'zakops-backup heal',
  ],
  [
    'Backup locations: primary',
    'breached',
    { locations: [{ name: 'primary', unreachable: 'it is not mounted' }, sample.locations[1]!] },
    /\/srv\/backup can not be reached: it is not mounted/,
    'zakops-backup status (when it is back)',
  ],
  [
    'Backup locations: primary',
    'breached',
    { verifications: sample.verifications.map((one) => ({ ...one, faults: 2 })) },
    /2 faults found at the verification of 2026-11-22 14:30 \(run run-verify\)/,
    'zakops-backup heal',
  ],
  ['Backup locations: secondary', 'met', {}, /\/mnt\/off-site is reachable/],
  ['Backup locations: secondary', 'not applicable', staging, /staging has no secondary location \(N\/A\)/],
  [
    'Backup locations: secondary',
    'due',
    { locations: [sample.locations[0]!, { name: 'secondary', unreachable: 'no route to host' }] },
    /\/mnt\/off-site can not be reached: no route to host/,
    'zakops-backup replicate',
  ],
  [
    'Backup locations: secondary',
    'due',
    noCopy('secondary', onDay(newest, 'main')),
    /1 of 40 backups not there/,
    'zakops-backup replicate',
  ],
  [
    'Backup locations: secondary',
    'breached',
    noCopy('secondary', onDay('2026-11-24', 'main')),
    /1 of 40 backups not there/,
    'zakops-backup replicate',
  ],
  [
    'Backup locations: secondary',
    'due',
    { now: at('2026-11-30T15:00:00') },
    /verified 2026-11-22 14:30, no faults; due 2026-11-29 14:00/,
    'zakops-backup verify',
  ],
  [
    'Backup locations: secondary',
    'breached',
    { verifications: [] },
    /never verified since 2025-06-01/,
    'zakops-backup verify',
  ],
  ['Encryption: algorithm', 'met', {}, /sealed with AES-256/],
  [
    'Encryption: algorithm',
    'breached',
    { algorithm: 'none' },
    /sealed with none, the policy says AES-256/,
    'zakops-backup keys rotate',
  ],
  ['Encryption: key management', 'met', {}, /keyring \/etc\/zakops-backup\/keys\/keyring.json, apart/],
  [
    'Encryption: key management',
    'breached',
    { keyring: { state: 'together', path: '/srv/backup/keyring', with: 'the primary location', generations } },
    /lies together with the primary location/,
    'move the keyring, then: zakops-backup policy check',
  ],
  [
    'Encryption: key management',
    'breached',
    { keyring: { state: 'unopened', path: '/k', message: 'Cannot open the keyring' } },
    /Cannot open the keyring/,
    'zakops-backup keys check',
  ],
  [
    'Encryption: key management',
    'breached',
    { keyring: { state: 'apart', path: '/k', generations: [{ ...generations[0]!, state: 'destroyed' }] } },
    /no key opens 40 backups of generation 1, the newest/,
    'zakops-backup keys import FILE',
  ],
  ['Encryption: key rotation', 'met', {}, /generation 1 made 2026-03-01, rotation due 2027-03-01/],
  ['Encryption: key rotation', 'not yet', fresh, /there is no key so far/],
  [
    'Encryption: key rotation',
    'due',
    { now: at('2027-03-01T02:00:00') },
    /rotation was due 2027-03-01/,
    'zakops-backup keys rotate',
  ],
  [
    'Encryption: key rotation',
    'breached',
    { now: at('2027-03-02T02:00:00') },
    /rotation was due 2027-03-01/,
    'zakops-backup keys rotate',
  ],
  [
    'Monthly restore tests',
    'met',
    {},
    /restored and found equal: documents \w{8} from secondary, 2026-11-01 \(run run-test\); next due by 2026-12-01/,
  ],
  [
    'Monthly restore tests',
    'due',
    fresh,
    /not yet: never run; the first is due by 2026-12-24/,
    'zakops-backup procedure run restore-test',
  ],
  [
    'Monthly restore tests',
    'due',
    { now: at('2026-12-01T15:00:00') },
    /the next was due by 2026-12-01/,
    'zakops-backup procedure run restore-test',
  ],
  [
    'Monthly restore tests',
    'breached',
    { now: at('2026-12-02T15:00:00') },
    /the next was due by 2026-12-01/,
    'zakops-backup procedure run restore-test',
  ],
  [
    'Monthly restore tests',
    'breached',
    { proofs: [] },
    /never run; the first was due by 2025-07-01/,
    'zakops-backup procedure run restore-test',
  ],
  [
    'Monthly restore tests',
    'breached',
    { proofs: differentProofs },
    /is not what was backed up: documents/,
    'zakops-backup procedure run restore-test --source documents',
  ],
  [
    'Monthly restore tests',
    'breached',
    { proofs: [...differentProofs, { ...sample.proofs[0]!, at: at('2026-11-20T14:20:00'), source: 'main' }] },
    /is not what was backed up: documents/,
    'zakops-backup procedure run restore-test --source documents',
  ],
  ['Annual disaster recovery drill', 'met', {}, /held 2026-02-01, recovered in 2 hours; next due by 2027-02-01/],
  [
    'Annual disaster recovery drill',
    'due',
    fresh,
    /not yet: never held; the first is due by 2027-11-24/,
    'zakops-backup procedure run recovery-drill',
  ],
  [
    'Annual disaster recovery drill',
    'breached',
    { drills: [] },
    /never held; the first was due by 2026-06-01/,
    'zakops-backup procedure run recovery-drill',
  ],
  [
    'Annual disaster recovery drill',
    'breached',
    { drills: sample.drills.map((one) => ({ ...one, outcome: 'failed' })) },
    /the drill of 2026-02-01 failed/,
    'zakops-backup procedure run recovery-drill',
  ],
  ['Recovery time (RTO)', 'met', {}, /slowest within a year: 2 hours \(recovery drill, 2026-02-01\); target 4 hours/],
  ['Recovery time (RTO)', 'not yet', fresh, /no restore was timed within a year; the target is 4 hours/],
  [
    'Recovery time (RTO)',
    'breached',
    { proofs: sample.proofs.map((one) => ({ ...one, durationMs: 5 * 3_600_000 })) },
    /5 hours \(restore of documents, run run-test/,
    'zakops-backup procedure run recovery-drill',
  ],
  ['Recovery point (RPO)', 'met', {}, /documents: 4 hours old: incremental \w+ of 2026-11-25 02:00; target 24 hours/],
  ['Recovery point (RPO)', 'not yet', fresh, /documents: no complete backup in every location yet/],
  [
    'Recovery point (RPO)',
    'due',
    { ...without(onDay(newest, 'main')), now: at('2026-11-25T02:59:00') },
    /main: 24 hours old/,
    'zakops-backup backup main',
  ],
  [
    'Recovery point (RPO)',
    'breached',
    without(onDay(newest, 'main')),
    /main: 28 hours old/,
    'zakops-backup backup main',
  ],
  [
    'Recovery point (RPO)',
    'breached',
    noCopy('secondary', onDay(newest, 'main')),
    /main: 28 hours old/,
    'zakops-backup replicate',
  ],
  [
    'Recovery point (RPO)',
    'breached',
    withGaps(onDay(newest, 'main')),
    /main: 28 hours old/,
    'zakops-backup backup main',
  ],
  [
    'Recovery point (RPO)',
    'breached',
    {
      proofs: sample.backups
        .filter(onDay(newest, 'main'))
        .map(({ id }) => ({ ...sample.proofs[0]!, at: at('2026-11-25T04:00:00'), backup: id, ...refuted })),
    },
    /main: 28 hours old/,
    'zakops-backup backup main',
  ],
  [
    'Recovery point (RPO)',
    'due',
    {
      backups: sample.backups.map((one) => (onDay(newest, 'documents')(one) ? { ...one, files: 0, bytes: 0 } : one)),
    },
    /documents: incremental \w+ of 2026-11-25 02:00 holds no file, incremental \w+ of 2026-11-24 02:00 held \d+ file/,
    'zakops-backup restore documents 179c3a00 --to FOLDER',
  ],
  ['Responsibilities', 'met', {}, /DevOps: ann; DBA: ben; Security: cem; Management: dee/],
  [
    'Responsibilities',
    'breached',
    { policy: { ...statusPolicy, responsibilities: { ...statusPolicy.responsibilities, dba: [' '] } } },
    /DBA: nobody is named/,
    'name somebody under responsibilities.dba, then: zakops-backup policy check',
  ],
  [
    'Responsibilities',
    'breached',
    { notAccepted: ['RPO: 900 hours, before it was 1 day', 'source app is no longer backed up'] },
    /nobody accepted that: RPO: 900 hours, before it was 1 day \(and 1 more\)/,
    'put the policy back, or: zakops-backup backup --accept-weaker "REASON"',
  ],
]

test('policyStatus() tells each clause in each of its states, with evidence and a remedy', () => {
  for (const [name, state, changes, evidence, remedy] of table) {
    const status = policyStatus(sampleStatusFacts(changes))
    const clause = status.clauses.find((one) => one.clause === name)
    const what = `${name} ${state} ${String(evidence)}: ${JSON.stringify(clause)}`
    assert.equal(clause?.state, state, what)
    assert.match(clause.evidence.map(({ text }) => text).join('; '), evidence, what)
    assert.equal(clause.remedy, remedy, what)
    assert.equal(status.exitCode, status.clauses.some((one) => one.state === 'breached') ? 5 : 0)
  }
})

function primaryState(...verifications: StatusFacts['verifications']): ClauseState {
  const { clauses } = policyStatus(sampleStatusFacts({ verifications }))
  return clauses.find(({ clause }) => clause === 'Backup locations: primary')!.state
}

test('policyStatus() goes by the last word on each part of a location', () => {
  const [first] = sample.verifications
  const faulty = { ...first!, faults: 2 }
  const later = { ...first!, at: at('2026-11-23T14:30:00') }
  const otherPart = { ...later, scope: { kind: 'structure' } as const }
  assert.equal(primaryState(faulty, later), 'met')
  assert.equal(primaryState(later, faulty), 'met')
  assert.equal(primaryState(first!, { ...later, faults: 1 }), 'breached')
  assert.equal(primaryState(faulty, otherPart), 'breached')
})

test('policyStatus() asks for the backup of an operation only as long as it is kept', () => {
  const late = { ...without(({ kind }) => kind === 'pre-operation'), now: at('2026-12-01T09:00:00') }
  const clause = policyStatus(sampleStatusFacts(late)).clauses[3]!
  assert.deepEqual(
    [clause.state, clause.evidence[0]!.text],
    ['met', 'orders: last operation 2026-11-24 09:00, its backup has expired'],
  )
})

test('every clause that can be breached is shown breached by some facts', () => {
  const names = policyStatus(sample).clauses.map(({ clause }) => clause)
  const breached = new Set(table.filter(([, state]) => state === 'breached').map(([name]) => name))
  assert.deepEqual(
    names.filter((name) => !breached.has(name)),
    [],
  )
})

test('policyStatus() of a policy that is kept is met, in the order of the policy document', () => {
  const status = policyStatus(sample)
  assert.deepEqual([status.state, status.exitCode], ['met', 0])
  assert.deepEqual(
    status.clauses.map(({ clause, state }) => `${clause}: ${state}`),
    [
      'Full backups: met',
      'Incremental backups: met',
      'Database snapshots: PostgreSQL: met',
      'Database snapshots: SQLite: met',
      'Backup locations: primary: met',
      'Backup locations: secondary: met',
      'Encryption: algorithm: met',
      'Encryption: key management: met',
      'Encryption: key rotation: met',
      'Monthly restore tests: met',
      'Annual disaster recovery drill: met',
      'Recovery time (RTO): met',
      'Recovery point (RPO): met',
      'Responsibilities: met',
    ],
  )
})

test('policyStatus() of a policy that nothing was done under yet is due, and breached when the first backup is missed', () => {
  assert.deepEqual(
    [
      policyStatus(sampleStatusFacts(fresh)).state,
      policyStatus(sampleStatusFacts({ ...fresh, policySince: undefined })).state,
    ],
    ['due', 'due'],
  )
  const late = policyStatus(sampleStatusFacts({ ...fresh, now: at('2026-11-25T03:00:00') }))
  assert.equal(late.exitCode, 5)
  assert.equal(late.clauses[0]!.state, 'breached')
})

test('policyStatus() takes a backup that bears a date in the future for no evidence', () => {
  const future = sample.backups.map((backup) =>
    onDay(newest, 'main')(backup) ? { ...backup, takenAt: at('2026-12-24T02:00:00') } : backup,
  )
  const status = policyStatus(sampleStatusFacts({ backups: future }))
  assert.deepEqual(
    status.clauses.filter(({ state }) => state === 'breached').map(({ clause }) => clause),
    ['Incremental backups', 'Database snapshots: PostgreSQL', 'Recovery point (RPO)'],
  )
})

test('policyStatus() by a clock that was put back says so', () => {
  // Before the policy came in force nothing could be due, so that only the clock tells.
  const status = policyStatus(sampleStatusFacts({ now: at('2025-01-01T00:00:00'), runs: [] }))
  const { state, evidence, remedy } = status.clauses[12]!
  assert.deepEqual([status.state, state], ['due', 'due'])
  assert.match(
    evidence[0]!.text,
    /^40 backups from the future, by the clock of now, up to incremental \w{8} of 2026-11-25/,
  )
  assert.equal(remedy, 'set the clock of this machine, then: zakops-backup status')
})

test('policyStatus() takes a backup that came a moment before it was due for that one', () => {
  const early = sample.backups.map((backup) => ({ ...backup, takenAt: new Date(backup.takenAt.getTime() - 500) }))
  assert.equal(policyStatus(sampleStatusFacts({ backups: early })).state, 'met')
})

test('policyStatus() after the record was lost judges by the backups that are there', () => {
  const lost = { policySince: undefined, runs: [], now: at('2026-12-02T01:00:00') }
  const breached = policyStatus(sampleStatusFacts(lost)).clauses.filter(({ state }) => state === 'breached')
  assert.deepEqual(breached.map(({ clause }) => clause).slice(0, 3), [
    'Full backups',
    'Incremental backups',
    'Database snapshots: PostgreSQL',
  ])
})

test('policyStatus() judges a source that came later by its own time', () => {
  const sourcesSince = { main: at('2026-11-25T05:00:00') }
  const { clauses } = policyStatus(sampleStatusFacts({ ...without(({ source }) => source === 'main'), sourcesSince }))
  assert.deepEqual(
    clauses.filter(({ state }) => state === 'breached'),
    [],
  )
  assert.equal(clauses[0]!.state, 'not yet')
})

/** The documents grow, and the newest proof took so long for what they were then. */
function growing(gigabytesADay: number, minutes: number): StatusFacts {
  const policy = { ...sample.policy, sources: { documents: sample.policy.sources['documents']! } }
  const backups = sample.backups
    .filter(({ source }) => source === 'documents')
    .map((backup) => {
      const days = (statusNow.getTime() - backup.takenAt.getTime()) / 86_400_000
      return { ...backup, bytes: Math.round(100e9 - days * gigabytesADay * 1e9) }
    })
  const newestBytes = Math.max(...backups.map(({ bytes }) => bytes))
  const proofs = [{ ...sample.proofs[0]!, durationMs: minutes * 60_000 }]
  const sizesOf = new Map([[proofs[0]!.backup, { bytes: newestBytes, files: 10 }]])
  return sampleStatusFacts({ policy, backups, proofs, sizesOf, setUpMs: 0, serviceMs: { documents: 0 } })
}

function recoveryTimeOf(facts: StatusFacts) {
  return policyStatus(facts).clauses.find(({ clause }) => clause === 'Recovery time (RTO)')!
}

test('policyStatus() tells a recovery time that growth will break within sixty days, with its date, and one that is broken today', () => {
  // 200 minutes for 100 GB; 40 are left, which are 20 GB.
  const soon = recoveryTimeOf(growing(1, 200))
  assert.equal(soon.state, 'due')
  assert.match(
    soon.evidence[0]!.text,
    /secondary location: 3 h 20 min \([^)]+\); target 4 hours; as the data grows.*from 2026-12-15 on/,
  )
  assert.equal(recoveryTimeOf(growing(0.1, 200)).state, 'met')
  assert.match(recoveryTimeOf(growing(0.1, 200)).evidence[1]!.text, /forecast.*3 h 20 min/)
  const unmeasured = recoveryTimeOf({ ...growing(0.1, 200), serviceMs: {} })
  assert.match(
    unmeasured.evidence[1]!.text,
    /3 h 20 min \([^)]+\) \(not in it: documents: its services and validations \(not/,
  )
  assert.deepEqual(unmeasured.evidence.at(-1), {
    state: 'not applicable',
    text: 'no forecast from the primary location: documents: not measured',
  })
  const broken = recoveryTimeOf({ ...growing(1, 200), serviceMs: { documents: 50 * 60_000 } })
  assert.equal(broken.state, 'breached')
  assert.match(broken.evidence[0]!.text, /forecast for all of today's data from the secondary location: 4 h 10 min/)
})

test('policyStatus() is breached by a gap in the log, and says which; a run that takes a snapshot makes it due', () => {
  const [gapFrom, since] = [new Date('2026-11-25T03:00:00Z'), new Date('2026-11-25T04:00:00Z')]
  const place = { source: 'main', location: 'secondary', systemIdentifier: '7', timeline: 1, end: 5n } as const
  const walStands = [{ ...place, since, until: statusNow, gapFrom }]
  const pointOf = (changes: Partial<StatusFacts>) =>
    policyStatus(sampleStatusFacts({ walStands, ...changes })).clauses.find(
      ({ clause }) => clause === 'Recovery point (RPO)',
    )!
  const broken = pointOf({})
  assert.equal(broken.state, 'breached')
  assert.match(
    broken.evidence[0]!.text,
    /^main: the log at the secondary location lacks what was written between 2026-11-25 03:00 and 2026-11-25 04:00/,
  )
  assert.equal(broken.remedy, 'zakops-backup backup main')
  const taking = { ...sampleRun({ id: 'run-now', source: 'main', startedAt: statusNow }), state: 'running' } as const
  assert.equal(pointOf({ runs: [taking] }).state, 'due')
  assert.equal(pointOf({ walStands: [{ ...walStands[0]!, gapFrom: undefined }] }).state, 'met')
})

test('policyStatus() says of each source what is there', () => {
  const { sources } = policyStatus(sample)
  const [documents, orders] = sources
  assert.equal(sources.length, 3)
  const incremental = sample.backups.find(onDay(newest, 'documents'))!
  const provenAt = sample.backups.find(({ id }) => id === sample.proofs[0]!.backup)!.takenAt.getTime()
  const forecast = {
    bytes: 123_456,
    phases: undefined,
    replay: undefined,
    range: undefined,
    lacks: ['its services and validations'],
  }
  assert.deepEqual(documents, {
    source: 'documents',
    kind: 'files',
    lastFull: {
      id: sample.backups.find(onDay('2026-11-22', 'documents'))!.id,
      takenAt: at('2026-11-22T02:00:00'),
      gaps: 0,
    },
    lastIncremental: { id: incremental.id, takenAt: incremental.takenAt, gaps: 0 },
    lastPreOperation: undefined,
    newestGood: { id: incremental.id, takenAt: incremental.takenAt, gaps: 0, ageMs: 4 * 3_600_000 },
    recoveryPointMs: 24 * 3_600_000,
    pointAgeMs: 4 * 3_600_000,
    points: [
      { location: 'primary', by: 'backup', ageMs: 4 * 3_600_000, provenAgeMs: undefined, gap: undefined },
      {
        location: 'secondary',
        by: 'backup',
        ageMs: 4 * 3_600_000,
        provenAgeMs: statusNow.getTime() - provenAt,
        gap: undefined,
      },
    ],
    forecasts: [
      { ...forecast, location: 'primary', durationMs: undefined, measurements: 0, unknown: 'not measured' },
      {
        ...forecast,
        location: 'secondary',
        durationMs: 20 * 60_000,
        range: { leastMs: 16 * 60_000, mostMs: 24 * 60_000 },
        measurements: 1,
        unknown: undefined,
      },
    ],
    copies: [
      { location: 'primary', copies: 13, of: 13 },
      { location: 'secondary', copies: 13, of: 13 },
    ],
    lastVerification: { location: 'primary', at: at('2026-11-22T14:30:00'), faults: 0 },
    failedRun: undefined,
    nextDue: { at: at('2026-11-26T02:00:00'), kind: 'incremental' },
  })
  assert.equal(orders!.lastPreOperation?.takenAt.getTime(), at('2026-11-24T09:00:01').getTime())
  assert.equal(sample.now, statusNow)
})
