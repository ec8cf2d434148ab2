import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import type { Backup, BackupCopy, BackupKind } from '../backup.ts'
import { ageBand, chooseTestBackup, type TestFacts } from './choose-test-backup.ts'

const dayMs = 86_400_000
const start = Date.parse('2026-01-01T14:00:00Z')

function backupOf(source: string, kind: BackupKind, takenAt: Date): Backup {
  return {
    id: hash('sha256', `${source} ${kind} ${takenAt.toISOString()}`),
    environment: 'production',
    source,
    sourceKind: 'sqlite',
    kind,
    generation: 1,
    policyDigest: '',
    run: 'run',
    takenAt,
    endedAt: takenAt,
    tree: '',
    files: 1,
    bytes: 1,
    bytesAdded: 1,
    gaps: 0,
  }
}

/** What the policy keeps of each source at a moment: a full a week, an incremental a day, and now and then one before an operation. */
function backupsAt(sources: readonly string[], at: number): Backup[] {
  const midnight = at - 12 * 3_600_000
  return sources.flatMap((source, index) => {
    const daily = Array.from({ length: 7 }, (_, day) =>
      backupOf(source, 'incremental', new Date(midnight - day * dayMs)),
    )
    const weekly = Array.from({ length: 4 }, (_, week) =>
      backupOf(source, 'full', new Date(midnight - (3 + 7 * week) * dayMs)),
    )
    const guarded = index === 0 ? [backupOf(source, 'pre-operation', new Date(midnight - 5 * dayMs - 1))] : []
    return [...daily, ...weekly, ...guarded]
  })
}

function copiesOf(backups: readonly Backup[], locations: readonly BackupCopy['location'][]): BackupCopy[] {
  return backups.flatMap(({ id, takenAt }) =>
    locations.map((location) => ({ backup: id, location, storedAt: takenAt })),
  )
}

test('chooseTestBackup() has tested every source, kind, location and age in any year of monthly tests', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }),
      fc.integer({ min: 1, max: 10 }),
      fc.boolean(),
      (seed, count, hasSecondary) => {
        const sources = Array.from({ length: count }, (_, index) => `source-${index}`)
        const locations = hasSecondary ? (['primary', 'secondary'] as const) : (['primary'] as const)
        const tests: TestFacts['tests'][number][] = []
        const seen: { readonly at: number; readonly values: readonly string[] }[] = []
        const removed = new Map<string, Backup>()
        for (let month = 0; month < 30; month++) {
          const at = Date.UTC(2026, month, 1, 14)
          const backups = backupsAt(sources, at)
          for (const backup of backups) removed.set(backup.id, backup)
          const facts = { backups, copies: copiesOf(backups, locations), tests, removed: [...removed.values()] }
          const now = new Date(at)
          const choice = chooseTestBackup({ ...facts, now }, `${seed} ${month}`)!
          assert.deepEqual(
            chooseTestBackup({ ...facts, backups: backups.toReversed(), now }, `${seed} ${month}`),
            choice,
          )
          if (hasSecondary && tests.at(-1)?.location === 'primary') assert.equal(choice.location, 'secondary')
          const { backup, source, location, kind, age } = choice
          tests.push({ at: now, backup, source, location })
          seen.push({ at, values: [source, kind, location, age] })
        }
        const wanted = [...sources, 'full', 'incremental', 'pre-operation', ...locations, 'days', 'weeks', 'older']
        for (let month = 12; month <= 30; month++) {
          const year = seen.slice(month - 12, month).flatMap(({ values }) => values)
          for (const value of wanted)
            assert.ok(year.includes(value), `${value} was not tested in the year before month ${month}`)
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('chooseTestBackup() draws by the seed among what is equally due', () => {
  const backups = backupsAt(['orders'], start)
  const facts = { backups, copies: copiesOf(backups, ['primary']), tests: [], removed: [], now: new Date(start) }
  const chosen = new Set(Array.from({ length: 50 }, (_, seed) => chooseTestBackup(facts, `${seed}`)!.backup))
  assert.ok(chosen.size > 1)
})

test('chooseTestBackup() keeps to one source where that is asked for, and answers nothing where there is none', () => {
  const backups = backupsAt(['orders', 'documents'], start)
  const facts = { backups, copies: copiesOf(backups, ['primary']), tests: [], removed: [], now: new Date(start) }
  for (let seed = 0; seed < 10; seed++) {
    assert.equal(chooseTestBackup({ ...facts, source: 'documents' }, `${seed}`)!.source, 'documents')
  }
  assert.equal(chooseTestBackup({ ...facts, source: 'other' }, '1'), undefined)
  assert.equal(chooseTestBackup({ ...facts, copies: [] }, '1'), undefined)
})

test('ageBand() says days, weeks and older', () => {
  const now = new Date(start)
  const at = (days: number) => ageBand({ takenAt: new Date(start - days * dayMs) }, now)
  assert.deepEqual([at(0), at(1.9), at(2), at(7.9), at(8)], ['days', 'days', 'weeks', 'weeks', 'older'])
})
