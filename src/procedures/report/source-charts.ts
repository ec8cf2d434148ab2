import { html, type HtmlText } from '../../base/html-text.ts'
import { formatAge, formatMinute } from '../../model/age.ts'
import { graceMs } from '../../model/status/status-view.ts'
import { type ChartPoint, chartSvg } from './chart.ts'
import type { ReportBackup, ReportFacts, ReportTest } from './report-facts.ts'
import type { ReportPeriod } from './report-period.ts'

const hourMs = 3_600_000

/**
 * The charts of one source: how old its newest complete backup was at each moment, how long restores and backups took, how
 * large they are.
 */
export function sourceCharts(
  source: string,
  { backups, tests }: { readonly backups: readonly ReportBackup[]; readonly tests: readonly ReportTest[] },
  { period, objectives, at }: Pick<ReportFacts, 'period' | 'objectives' | 'at'>,
): HtmlText {
  const until = at < period.until ? at : period.until
  const inPeriod = backups.filter(({ endedAt }) => endedAt >= period.from && endedAt < until)
  const of = { from: period.from, until }
  const charts = [
    {
      title: 'Age of the newest complete backup (RPO)',
      svg: chartSvg({
        ...of,
        title: `${source}: age of the newest complete backup`,
        points: agePoints(backups, period, until),
        target: objectives.recoveryPoint / hourMs,
        grace: graceMs / hourMs,
        form: 'line',
        format: (hours) => `${trimmed(hours)} h`,
      }),
    },
    {
      title: 'Restores that were timed (RTO)',
      svg: chartSvg({
        ...of,
        title: `${source}: duration of each restore that was compared`,
        points: tests
          .filter((test) => test.at < until && test.durationMs > 0) // One that failed before it compared timed nothing.
          .map((test) => {
            const seconds = test.durationMs / 1000
            const label = `${formatMinute(test.at)}: ${formatSeconds(seconds)} from ${test.location}, ${test.outcome}`
            return { at: test.at, value: seconds, label }
          }),
        target: objectives.recoveryTime / 1000,
        form: 'bars',
        format: formatSeconds,
      }),
    },
    {
      title: 'Duration of each backup',
      svg: chartSvg({
        ...of,
        title: `${source}: duration of each backup`,
        points: inPeriod.map((backup) => {
          const seconds = (backup.endedAt.getTime() - backup.takenAt.getTime()) / 1000
          return { at: backup.takenAt, value: seconds, label: `${said(backup)}: ${formatSeconds(seconds)}` }
        }),
        target: undefined,
        form: 'bars',
        format: formatSeconds,
      }),
    },
    {
      title: 'Size of the source',
      svg: chartSvg({
        ...of,
        title: `${source}: size of each backup`,
        points: inPeriod.map((backup) => ({
          at: backup.takenAt,
          value: backup.bytes,
          label: `${said(backup)}: ${formatSize(backup.bytes)}, ${formatSize(backup.bytesAdded)} added`,
        })),
        target: undefined,
        form: 'line',
        format: formatSize,
      }),
    },
  ]
  return html`<section class="source"><h3>${source}</h3><div class="charts">${charts.map(
    ({ title, svg }) => html`<figure><figcaption>${title}</figcaption>${svg}</figure>`,
  )}</div></section>`
}

/** The largest age that was reached within the period, ms; undefined where there was no complete backup. */
export function worstAge(backups: readonly ReportBackup[], period: ReportPeriod, until: Date): number | undefined {
  const hours = agePoints(backups, period, until).map(({ value }) => value)
  return hours.length === 0 ? undefined : Math.max(...hours) * hourMs
}

/** It grows until a backup is stored, and falls to the age that its view has by then. */
function agePoints(backups: readonly ReportBackup[], { from }: ReportPeriod, until: Date): ChartPoint[] {
  const complete = backups
    .filter(({ gaps }) => gaps === 0)
    .toSorted((a, b) => a.endedAt.getTime() - b.endedAt.getTime())
  const before = complete.filter(({ endedAt }) => endedAt < from)
  let newest = before.reduce<Date | undefined>((last, { takenAt }) => later(last, takenAt), undefined)
  const points: ChartPoint[] = []
  const push = (at: Date): void => {
    if (newest === undefined) return
    const hours = (at.getTime() - newest.getTime()) / hourMs
    points.push({ at, value: Math.max(0, hours), label: `${formatMinute(at)}: ${formatAge(hours * hourMs)} old` })
  }
  push(from)
  for (const { endedAt, takenAt } of complete) {
    if (endedAt < from || endedAt >= until) continue
    push(endedAt)
    newest = later(newest, takenAt)
    push(endedAt)
  }
  push(until)
  return points
}

function later(a: Date | undefined, b: Date): Date {
  return a !== undefined && a > b ? a : b
}

function said({ kind, takenAt }: ReportBackup): string {
  return `${kind}, ${formatMinute(takenAt)}`
}

export function formatSeconds(seconds: number): string {
  if (seconds >= 2 * 3600) return `${trimmed(seconds / 3600)} h`
  return seconds >= 120 ? `${trimmed(seconds / 60)} min` : `${trimmed(seconds)} s`
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

export function formatSize(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${trimmed(bytes / 1024 ** power)} ${units[power]}`
}

function trimmed(value: number): string {
  return value >= 100 ? Math.round(value).toString() : Number(value.toPrecision(2)).toString()
}
