import type { FailureCode } from '../../base/failure.ts'
import type { BackupKind } from '../backup.ts'
import type { Id } from '../id.ts'
import type { LocationName, SourceKind } from '../policy/policy.ts'
import type { SourceForecast } from '../objectives/recovery-forecast.ts'
import { commonPoint, newestGood } from './objective-clauses.ts'
import { failedBackup, failureText } from './run-findings.ts'
import type { SourceView, StatusView } from './status-view.ts'

export interface BackupMention {
  readonly id: Id
  readonly takenAt: Date
  readonly gaps: number
}

/** What is there of one source. */
export interface SourceStatus {
  readonly source: string
  readonly kind: SourceKind
  readonly lastFull: BackupMention | undefined
  readonly lastIncremental: BackupMention | undefined
  readonly lastPreOperation: BackupMention | undefined
  /** The newest complete one that lies in every location, with its age. */
  readonly newestGood: (BackupMention & { readonly ageMs: number }) | undefined
  readonly recoveryPointMs: number
  /** How much work would be lost with a restore from the location that has least; undefined where one has nothing. */
  readonly pointAgeMs: number | undefined
  /** By location: up to when it can be recovered, by a backup alone or with the log, and the newest backup that was proven. */
  readonly points: readonly {
    readonly location: LocationName
    readonly by: 'backup' | 'log'
    readonly ageMs: number | undefined
    readonly provenAgeMs: number | undefined
    /** What lacks of the log behind the newest backup. */
    readonly gap: { readonly from: Date; readonly until: Date } | undefined
  }[]
  /** How long a restore of today's data takes, by location, drawn from measured ones. */
  readonly forecasts: readonly Omit<SourceForecast, 'source'>[]
  /** Backups of it in each location that the environment must have. */
  readonly copies: readonly { readonly location: LocationName; readonly copies: number; readonly of: number }[]
  /** When a location that holds it was read last. */
  readonly lastVerification: { readonly location: LocationName; readonly at: Date; readonly faults: number } | undefined
  /** The run that was to back it up last and failed, where nothing made that good since. */
  readonly failedRun:
    | {
        readonly run: string
        readonly startedAt: Date
        readonly failure: FailureCode | 'lost'
        readonly message: string
      }
    | undefined
  readonly nextDue: { readonly at: Date; readonly kind: 'full' | 'incremental' } | undefined
}

export function sourceStatus(source: SourceView, view: StatusView): SourceStatus {
  const { facts, now, copiesOf, locations, nextDue } = view
  const last = (kind: BackupKind): BackupMention | undefined =>
    mentionOf(source.backups.find((one) => one.kind === kind))
  const good = newestGood(source, view)
  const failed = failedBackup(view, source.name)
  const verification = facts.verifications
    .filter(({ location, at }) => locations.includes(location) && at <= now)
    .toSorted((a, b) => b.at.getTime() - a.at.getTime())[0]
  const ageOf = (at: Date | undefined): number | undefined => at && now.getTime() - at.getTime()
  return {
    source: source.name,
    kind: source.kind,
    lastFull: last('full'),
    lastIncremental: last('incremental'),
    lastPreOperation: last('pre-operation'),
    newestGood: good && { ...mentionOf(good)!, ageMs: now.getTime() - good.takenAt.getTime() },
    recoveryPointMs: facts.policy.objectives.recoveryPoint,
    pointAgeMs: ageOf(commonPoint(source, view).at),
    points: source.points.map(({ location, by, at, provenAt, gap }) => ({
      location,
      by,
      ageMs: ageOf(at),
      provenAgeMs: ageOf(provenAt),
      gap,
    })),
    forecasts: view.forecasts.flatMap(({ sources }) =>
      sources.filter((one) => one.source === source.name).map(({ source: _name, ...forecast }) => forecast),
    ),
    copies: locations.map((location) => ({
      location,
      copies: source.backups.filter(({ id }) => copiesOf.get(id)?.has(location) === true).length,
      of: source.backups.length,
    })),
    lastVerification: verification && {
      location: verification.location,
      at: verification.at,
      faults: verification.faults,
    },
    failedRun: failed && {
      run: failed.id,
      startedAt: failed.startedAt,
      failure: failed.state === 'lost' ? 'lost' : failed.failure,
      message: failureText(failed),
    },
    nextDue: nextDue?.kind === undefined ? undefined : { at: nextDue.at, kind: nextDue.kind },
  }
}

function mentionOf(backup: BackupMention | undefined): BackupMention | undefined {
  return backup && { id: backup.id, takenAt: backup.takenAt, gaps: backup.gaps }
}
