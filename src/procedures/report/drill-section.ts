import { html, type HtmlText } from '../../base/html-text.ts'
import { formatAge, formatMinute } from '../../model/age.ts'
import type { ReportDrill, ReportFacts } from './report-facts.ts'
import { formatSeconds } from './source-charts.ts'

/** Each drill with its timeline and what was learned. */
export function drillSections(drills: readonly ReportDrill[], objectives: ReportFacts['objectives']): HtmlText {
  if (drills.length === 0) {
    return html`<section><h2>Disaster recovery drills</h2><p class="empty">None in this time.</p></section>`
  }
  return html`<section><h2>Disaster recovery drills</h2>${drills.map((drill) => drillArticle(drill, objectives))}</section>`
}

function drillArticle(drill: ReportDrill, { recoveryTime, recoveryPoint }: ReportFacts['objectives']): HtmlText {
  const { run, at, outcome, durationMs, recoveryPointMs, detail, steps, lessons } = drill
  const isInTime = outcome === 'recovered' && durationMs <= recoveryTime
  const point =
    recoveryPointMs === undefined
      ? undefined
      : html`<div><dt>Recovery point reached</dt><dd>${formatAge(recoveryPointMs)} <small>target ${formatAge(recoveryPoint)}</small></dd></div>`
  const learned =
    lessons.length === 0
      ? html`<p class="remedy">Nobody has written down what was learned: this drill is not closed.</p>`
      : html`<ul>${lessons.map((lesson) => html`<li>${lesson.text} <small>${lesson.actor}, ${formatMinute(lesson.at)}</small></li>`)}</ul>`
  return html`<article><h3>${formatMinute(at)} <span class="badge ${isInTime ? 'met' : 'breached'}">${outcome}</span></h3>
<dl><div><dt>Recovery time reached</dt><dd>${formatSeconds(durationMs / 1000)} <small>target ${formatAge(recoveryTime)}</small></dd></div>${point}<div><dt>Run</dt><dd><code>${run}</code></dd></div></dl>
${detail === '' ? undefined : html`<p>${detail}</p>`}${timeline(drill)}
${steps.length === 0 ? undefined : stepTable(drill)}<h4>Lessons learned</h4>${learned}</article>`
}

const [width, labelWidth, rowHeight] = [760, 240, 22]

/** Steps as bars over the time from the first one's beginning. */
function timeline({ steps }: ReportDrill): HtmlText | undefined {
  if (steps.length === 0) return undefined
  const from = Math.min(...steps.map(({ startedAt }) => startedAt.getTime()))
  const span = Math.max(1, ...steps.map(({ endedAt }) => endedAt.getTime() - from))
  const x = (ms: number): number => Math.round((labelWidth + (ms / span) * (width - labelWidth - 70)) * 10) / 10
  const rows = steps.map(({ step, startedAt, endedAt, outcome }, index) => {
    const [left, right] = [x(startedAt.getTime() - from), x(endedAt.getTime() - from)]
    const y = index * rowHeight
    const took = formatSeconds((endedAt.getTime() - startedAt.getTime()) / 1000)
    const name = step.length > 38 ? `${step.slice(0, 37)}…` : step
    return html`<text x="${labelWidth - 8}" y="${y + 15}" text-anchor="end">${name}</text><rect class="bar ${outcome === 'done' ? '' : 'over'}" x="${left}" y="${y + 4}" width="${Math.max(2, right - left)}" height="14" rx="2"><title>${step}: ${took}</title></rect><text x="${Math.max(left + 2, right) + 6}" y="${y + 15}">${took}</text>`
  })
  const height = steps.length * rowHeight + 4
  return html`<svg class="timeline" viewBox="0 0 ${width} ${height}" role="img" aria-label="Timeline of ${steps.length} steps, ${formatSeconds(span / 1000)}">${rows}</svg>`
}

function stepTable({ steps }: ReportDrill): HtmlText {
  const rows = steps.map(
    ({ step, startedAt, outcome, detail }) =>
      html`<tr><td>${formatMinute(startedAt)}</td><td>${step}</td><td>${outcome}</td><td>${detail}</td></tr>`,
  )
  return html`<details open><summary>Steps</summary><table><thead><tr><th>Began</th><th>Step</th><th>Outcome</th><th>Found</th></tr></thead><tbody>${rows}</tbody></table></details>`
}
