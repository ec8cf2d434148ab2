import { hash } from 'node:crypto'
import type { Backup, BackupCopy, BackupKind } from '../backup.ts'
import type { Id } from '../id.ts'
import type { LocationName } from '../policy/policy.ts'
import type { Proof } from '../run.ts'

/** How old a backup is when it is tested: of the last days, of the last weeks, or older. */
export const ageBands = ['days', 'weeks', 'older'] as const
export type AgeBand = (typeof ageBands)[number]

const dayMs = 86_400_000
const yearMs = 365 * dayMs
/** Tests are monthly; a month with a margin. */
const testEveryMs = 31 * dayMs

/** From what a test's backup is chosen. Lists are in any order. */
export interface TestFacts {
  /** What may be chosen: there now, of sources of the policy. */
  readonly backups: readonly Backup[]
  readonly copies: readonly BackupCopy[]
  /** The tests so far: proofs of restore tests. */
  readonly tests: readonly Pick<Proof, 'at' | 'backup' | 'source' | 'location'>[]
  /** Backups that tests were made of and that are gone since. */
  readonly removed: readonly Backup[]
  /** Chooses among the backups of one source only. */
  readonly source?: string
  readonly now: Date
}

export interface TestChoice {
  readonly backup: Id
  readonly source: string
  readonly kind: BackupKind
  readonly location: LocationName
  readonly age: AgeBand
  readonly seed: string
  /** Copies of backups that could have been chosen. */
  readonly candidates: number
  /** What of it was not tested for so long that it was preferred: "source orders". */
  readonly preferred: readonly string[]
}

/**
 * The copy of a backup that a test restores: random, by the seed, so that the same facts and seed choose the same. Off-site where
 * the test before was not. Of all others those are preferred that cover what was not tested for so long that the year would
 * end without: a source, a kind, a location, an age; so with monthly tests and at most ten sources each is tested at least once
 * within any year. Undefined where there is nothing to test.
 */
export function chooseTestBackup(facts: TestFacts, seed: string): TestChoice | undefined {
  const all = candidatesOf(facts)
  const last = facts.tests.reduce<TestFacts['tests'][number] | undefined>(
    (newest, one) => (newest === undefined || one.at >= newest.at ? one : newest),
    undefined,
  )
  const offSite = all.filter(({ location }) => location === 'secondary')
  const isOffSiteTurn = last !== undefined && last.location !== 'secondary' && offSite.length > 0
  const candidates = isOffSiteTurn ? offSite : all
  const urgency = urgencies(facts, all)
  const scored = candidates.map((one) => {
    const urgent = dimensionsOf(one).filter((value) => urgency.has(value))
    return { one, urgent, score: urgent.reduce((sum, value) => sum + urgency.get(value)!, 0) }
  })
  const best = Math.max(...scored.map(({ score }) => score))
  const preferred = scored.filter(({ score }) => score === best)
  const chosen = pick(preferred, seed)
  if (chosen === undefined) return undefined
  const { one, urgent } = chosen
  const { id, source, kind } = one.backup
  return {
    backup: id,
    source,
    kind,
    location: one.location,
    age: one.age,
    seed,
    candidates: all.length,
    preferred: urgent,
  }
}

/** Of what age a backup is at a moment. */
export function ageBand({ takenAt }: Pick<Backup, 'takenAt'>, at: Date): AgeBand {
  const days = (at.getTime() - takenAt.getTime()) / dayMs
  if (days < 2) return 'days'
  return days < 8 ? 'weeks' : 'older'
}

interface Candidate {
  readonly backup: Backup
  readonly location: LocationName
  readonly age: AgeBand
}

/** Partial backups are restored as they are: what they hold must come back. */
function candidatesOf({ backups, copies, source, now }: TestFacts): Candidate[] {
  const byId = new Map(backups.map((backup) => [backup.id, backup]))
  const all = copies.flatMap(({ backup: id, location }): Candidate[] => {
    const backup = byId.get(id)
    if (backup === undefined || (source !== undefined && backup.source !== source) || backup.takenAt > now) return []
    return [{ backup, location, age: ageBand(backup, now) }]
  })
  // In an order that does not depend on that of the facts.
  return all.toSorted((a, b) => compare(`${a.backup.id} ${a.location}`, `${b.backup.id} ${b.location}`))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}

function dimensionsOf({ backup, location, age }: Candidate): string[] {
  return [`source ${backup.source}`, `kind ${backup.kind}`, `location ${location}`, `age ${age}`]
}

/**
 * What must be tested now, each with a weight that grows with the time since it was. A value is urgent so early that all
 * values of its dimension, one test each, and two tests for conflicts fit into the rest of its year.
 */
function urgencies({ backups, removed, tests, now }: TestFacts, candidates: readonly Candidate[]): Map<string, number> {
  const known = new Map([...removed, ...backups].map((backup) => [backup.id, backup]))
  const testedAt = new Map<string, number>()
  for (const { at, backup: id, location } of tests) {
    const backup = known.get(id)
    if (backup === undefined || at > now) continue
    for (const value of dimensionsOf({ backup, location, age: ageBand(backup, at) })) {
      testedAt.set(value, Math.max(testedAt.get(value) ?? 0, at.getTime()))
    }
  }
  const values = new Set(candidates.flatMap(dimensionsOf))
  const counts = Map.groupBy(values, (value) => value.split(' ')[0])
  const urgent = new Map<string, number>()
  for (const value of values) {
    const at = testedAt.get(value)
    const sinceMs = at === undefined ? yearMs : now.getTime() - at
    const marginMs = (counts.get(value.split(' ')[0])!.length + 2) * testEveryMs
    if (sinceMs > yearMs - marginMs) urgent.set(value, Math.max(1, sinceMs / testEveryMs))
  }
  return urgent
}

function pick<Item>(items: readonly Item[], seed: string): Item | undefined {
  if (items.length === 0) return undefined
  const drawn = hash('sha256', `zakops-backup restore test ${seed}`, 'buffer').readUIntBE(0, 6)
  return items[Math.floor((drawn / 2 ** 48) * items.length)]
}
