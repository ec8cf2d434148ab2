import { alarmOf, describeAlarm } from '../../model/evidence/evidence-alarm.ts'
import type { EvidenceEntry } from '../../model/evidence/evidence-entry.ts'
import type { SignedHead } from '../../model/evidence/signed-head.ts'
import type { PolicyStatus } from '../../model/status/policy-status.ts'
import type { ReportPeriod } from './report-period.ts'

/** All that a report is written from. */
export interface ReportFacts {
  readonly period: ReportPeriod
  readonly at: Date
  readonly programVersion: string
  readonly status: PolicyStatus
  readonly objectives: { readonly recoveryTime: number; readonly recoveryPoint: number }
  readonly responsibilities: Readonly<Record<string, readonly string[]>>
  /** The whole ledger: what lies before the period says how old the newest backup was when it began. */
  readonly entries: readonly EvidenceEntry[]
  readonly heads: readonly SignedHead[]
  readonly ledger: string
  /** Ids of the keys that signed, the one that signs now last. */
  readonly keys: readonly string[]
  /** Why the ledger is not as it was recorded; undefined where it was verified. */
  readonly ledgerFault: string | undefined
  /** What the ledger was compared with beside itself, a sentence a location. */
  readonly headsCompared: readonly string[]
}

export interface ReportBackup {
  readonly source: string
  readonly id: string
  readonly kind: string
  readonly takenAt: Date
  readonly endedAt: Date
  readonly bytes: number
  readonly bytesAdded: number
  readonly gaps: number
}

/** A restore that was compared, or a restore test that did not come so far. */
export interface ReportTest {
  readonly at: Date
  readonly run: string
  /** What compared it: a restore test, or another procedure; empty where the record does not say. */
  readonly procedure: string
  readonly source: string
  readonly backup: string
  readonly location: string
  readonly outcome: string
  readonly durationMs: number
  /** What was found different, from the record of its run. */
  readonly differences: readonly string[]
}

export interface ReportStep {
  readonly step: string
  readonly startedAt: Date
  readonly endedAt: Date
  readonly outcome: string
  readonly detail: string
}

export interface ReportDrill {
  readonly run: string
  readonly at: Date
  readonly outcome: string
  readonly durationMs: number
  readonly recoveryPointMs: number | undefined
  readonly detail: string
  readonly steps: readonly ReportStep[]
  readonly lessons: readonly { readonly at: Date; readonly actor: string; readonly text: string }[]
}

/** An entry of another kind, as a line of the report. */
export interface ReportEvent {
  readonly at: Date
  readonly kind: string
  readonly actor: string
  readonly text: string
}

/** What the ledger says, read as what the report shows. */
export interface ReportRecord {
  readonly backups: readonly ReportBackup[]
  readonly tests: readonly ReportTest[]
  readonly drills: readonly ReportDrill[]
  readonly events: readonly ReportEvent[]
  readonly counts: {
    readonly runs: number
    readonly failed: number
    readonly verifications: number
    readonly faults: number
  }
}

/** Facts of entries are of older and newer programs too: what is not there is empty, never a failure of the report. */
type Facts = EvidenceEntry['facts']

const text = (facts: Facts, name: string): string => (typeof facts[name] === 'string' ? facts[name] : '')
const count = (facts: Facts, name: string): number => (typeof facts[name] === 'number' ? facts[name] : 0)
const texts = (facts: Facts, name: string): string[] =>
  Array.isArray(facts[name]) ? facts[name].filter((one) => typeof one === 'string') : []

function date(facts: Facts, name: string, fallback: Date): Date {
  const found = new Date(text(facts, name))
  return Number.isNaN(found.getTime()) ? fallback : found
}

/** Reads the ledger for a report: backups from all of it, the rest from its period. */
export function readReport({ entries, period }: Pick<ReportFacts, 'entries' | 'period'>): ReportRecord {
  const inPeriod = entries.filter(({ at }) => at >= period.from && at < period.until)
  const of = (kind: string): EvidenceEntry[] => inPeriod.filter((entry) => entry.kind === kind)
  const ends = of('run ended')
  const verifications = of('verification')
  return {
    backups: entries.filter(({ kind }) => kind === 'backup stored').map((entry) => backupOf(entry)),
    tests: [...of('proof').map((entry) => testOf(entry, ends)), ...unproven(of('proof'), ends)].toSorted(
      (a, b) => a.at.getTime() - b.at.getTime(),
    ),
    drills: of('drill').map((entry) => drillOf(entry, entries)),
    events: inPeriod.flatMap((entry) => eventOf(entry)),
    counts: {
      runs: ends.length,
      failed: ends.filter(({ facts }) => ['failed', 'lost'].includes(text(facts, 'state'))).length,
      verifications: verifications.length,
      faults: verifications.reduce((sum, { facts }) => sum + count(facts, 'faults'), 0),
    },
  }
}

function backupOf({ facts, at }: EvidenceEntry): ReportBackup {
  return {
    source: text(facts, 'source'),
    id: text(facts, 'id'),
    kind: text(facts, 'kind'),
    takenAt: date(facts, 'takenAt', at),
    endedAt: at,
    bytes: count(facts, 'bytes'),
    bytesAdded: count(facts, 'bytesAdded'),
    gaps: count(facts, 'gaps'),
  }
}

function testOf({ facts, at }: EvidenceEntry, ends: readonly EvidenceEntry[]): ReportTest {
  const run = text(facts, 'run')
  const end = ends.find((one) => text(one.facts, 'run') === run)?.facts ?? {}
  const message = text(end, 'message')
  return {
    at,
    run,
    procedure: text(end, 'procedure'),
    source: text(facts, 'source'),
    backup: text(facts, 'backup'),
    location: text(facts, 'location'),
    outcome: text(facts, 'outcome'),
    durationMs: count(facts, 'durationMs'),
    differences: [...texts(facts, 'differences'), ...texts(end, 'gaps'), ...(message === '' ? [] : [message])],
  }
}

/** A further try of a run is on record as "<run>.2". */
function baseRun(facts: Facts): string {
  return text(facts, 'run').replace(/\.\d+$/, '')
}

/** Restore tests that ended before there was anything to compare: they count, or a report would show only what went well. */
function unproven(proofs: readonly EvidenceEntry[], ends: readonly EvidenceEntry[]): ReportTest[] {
  const compared = new Set(proofs.map(({ facts }) => baseRun(facts)))
  const failed = ends.filter(({ facts }) => {
    const isFailed = ['failed', 'lost'].includes(text(facts, 'state'))
    return text(facts, 'procedure') === 'restore-test' && isFailed && !compared.has(baseRun(facts))
  })
  return failed.map(({ facts, at }) => ({
    at,
    run: text(facts, 'run'),
    procedure: 'restore-test',
    source: text(facts, 'source'),
    backup: '',
    location: '',
    outcome: 'not proven',
    durationMs: 0,
    differences: [text(facts, 'message')].filter((one) => one !== ''),
  }))
}

function drillOf({ facts, at }: EvidenceEntry, entries: readonly EvidenceEntry[]): ReportDrill {
  const run = text(facts, 'run')
  const ofRun = (kind: string): EvidenceEntry[] =>
    entries.filter((entry) => entry.kind === kind && text(entry.facts, 'run') === run)
  return {
    run,
    at,
    outcome: text(facts, 'outcome'),
    durationMs: count(facts, 'durationMs'),
    recoveryPointMs: typeof facts['recoveryPointMs'] === 'number' ? facts['recoveryPointMs'] : undefined,
    detail: text(facts, 'detail'),
    steps: ofRun('step').flatMap((step) => stepOf(step)),
    lessons: ofRun('lesson').map(({ at: when, actor, facts: lesson }) => ({
      at: when,
      actor,
      text: text(lesson, 'text'),
    })),
  }
}

/** A step as recordedSteps() puts it on record: once when it began, which is told by how it ended, and once then. */
function stepOf({ at, facts }: EvidenceEntry): ReportStep[] {
  if (text(facts, 'state') === 'begun') return []
  return [
    {
      step: text(facts, 'step'),
      startedAt: new Date(at.getTime() - count(facts, 'durationMs')),
      endedAt: at,
      outcome: text(facts, 'state'),
      detail: text(facts, 'message'),
    },
  ]
}

/** Changes of the policy, uses of the keys, refusals, alarms about the evidence, and runs that failed. */
function eventOf(entry: EvidenceEntry): ReportEvent[] {
  const { at, kind, actor, facts } = entry
  const event = (said: string): ReportEvent[] => [{ at, kind, actor, text: said }]
  switch (kind) {
    case 'policy version': {
      const weakened = texts(facts, 'weakened')
      const weaker = weakened.length === 0 ? '' : `; weaker: ${weakened.join('; ')} (reason: ${text(facts, 'reason')})`
      return event(`policy ${text(facts, 'digest').slice(0, 16)} in force${weaker}`)
    }
    case 'key event': {
      if (text(facts, 'event') === 'opened') return []
      const generation = count(facts, 'generation') === 0 ? '' : `, generation ${count(facts, 'generation')}`
      return event(`keys: ${text(facts, 'event')}${generation}`)
    }
    case 'alarm':
      return event(describeAlarmEntry(entry))
    case 'acknowledgement': {
      const alarms = Array.isArray(facts['alarms']) ? facts['alarms'].join(', ') : ''
      return event(`the alarms of entries ${alarms} were acknowledged: ${text(facts, 'reason')}`)
    }
    case 'refusal':
      return event(`${text(facts, 'command')}: ${text(facts, 'message')}`)
    case 'run ended': {
      const [state, procedure] = [text(facts, 'state'), text(facts, 'procedure')]
      if (state === 'failed') return event(`${procedure} ${text(facts, 'source')} failed: ${text(facts, 'message')}`)
      return state === 'lost' ? event(`${procedure} ${text(facts, 'source')}: its process died`) : []
    }
    default:
      return []
  }
}

function describeAlarmEntry(entry: EvidenceEntry): string {
  const alarm = alarmOf(entry)
  return alarm === undefined ? 'an alarm about the evidence' : describeAlarm(alarm)
}
