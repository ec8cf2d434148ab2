import { html, type HtmlText } from '../../base/html-text.ts'
import { formatAge, formatDay, formatMinute, formatSpan, formatSpanRange } from '../../model/age.ts'
import type { PolicyStatus } from '../../model/status/policy-status.ts'
import type { SourceStatus } from '../../model/status/source-status.ts'
import type { ReportFacts } from './report-facts.ts'

/** What each location could give back when the report was written, and how long that would take: the figures of `status`. */
export function objectivesSection({ status, objectives, at }: ReportFacts): HtmlText {
  return html`<section class="objectives"><h2>Recovery objectives by location</h2><p class="note">As they were on ${formatMinute(at)} UTC. The forecast is for today's data, drawn from restores that were carried out and compared; what was not measured is said, never guessed.</p>
<table><thead><tr><th>Source</th><th>From</th><th>Recovery point</th><th>Newest proven</th><th>Restore forecast</th><th>Drawn from</th></tr></thead><tbody>${status.sources.flatMap((source) => sourceRows(source, objectives))}${status.forecasts.map((forecast) => wholeRow(forecast, objectives))}</tbody></table></section>`
}

function sourceRows(
  { source, points, forecasts }: SourceStatus,
  { recoveryPoint }: ReportFacts['objectives'],
): HtmlText[] {
  return points.map(({ location, by, ageMs, provenAgeMs, gap }) => {
    const forecast = forecasts.find((one) => one.location === location)
    const point = ageMs === undefined ? 'none' : `${formatAge(ageMs)}${by === 'log' ? ' by the log' : ''}`
    const broken = gap === undefined ? undefined : html`<small>a gap in the log from ${formatMinute(gap.from)}</small>`
    const isLate = ageMs === undefined || ageMs > recoveryPoint
    const proven = provenAgeMs === undefined ? 'none' : `${formatAge(provenAgeMs)} old`
    const restores = forecast?.measurements ?? 0
    return html`<tr><th scope="row">${source}</th><td>${location}</td><td>${point}${isLate ? html`<small>target ${formatAge(recoveryPoint)}</small>` : undefined}${broken}</td><td>${proven}</td><td>${forecastText(forecast)}</td><td>${restores === 0 ? 'none' : `${restores} restore${restores === 1 ? '' : 's'}`}</td></tr>`
  })
}

function forecastText(forecast: SourceStatus['forecasts'][number] | undefined): HtmlText {
  if (forecast?.durationMs === undefined) return html`${forecast?.unknown ?? 'not measured'}`
  const { durationMs, range, phases, replay, lacks } = forecast
  const parts =
    phases === undefined
      ? undefined
      : html`<small>open ${formatSpan(phases.openMs)}, transfer ${formatSpan(phases.transferMs)}, compare ${formatSpan(phases.verifyMs)}${replay === undefined ? '' : `, replay ${formatSpan(replay.durationMs)}`}</small>`
  const without = lacks.length === 0 ? undefined : html`<small>without ${lacks.join(' and ')}: not measured</small>`
  return html`${formatSpanRange(durationMs, range)}${parts}${without}`
}

/** Everything from one location. */
function wholeRow(
  { location, durationMs, range, breachAt, unknown }: PolicyStatus['forecasts'][number],
  { recoveryTime }: ReportFacts['objectives'],
): HtmlText {
  const target = html`<small>target ${formatAge(recoveryTime)}${breachAt === undefined ? '' : `, broken by growth on ${formatDay(breachAt)}`}</small>`
  const total =
    durationMs === undefined ? html`no forecast` : html`<strong>${formatSpanRange(durationMs, range)}</strong>${target}`
  const without = unknown.length === 0 ? undefined : html`<ul>${unknown.map((one) => html`<li>${one}</li>`)}</ul>`
  return html`<tr><th scope="row">all of it</th><td>${location}</td><td></td><td></td><td>${total}</td><td>${without}</td></tr>`
}
