import { html, HtmlText } from '../../base/html-text.ts'
import { formatAge, formatDay, formatMinute } from '../../model/age.ts'
import { graceMs } from '../../model/status/status-view.ts'
import { drillSections } from './drill-section.ts'
import { objectivesSection } from './objectives-section.ts'
import { type ReportFacts, type ReportRecord, readReport } from './report-facts.ts'
import { isUnfinished } from './report-period.ts'
import { reportStyle } from './report-style.ts'
import { signaturesSection } from './signatures-section.ts'
import { formatSeconds, sourceCharts, worstAge } from './source-charts.ts'
import { controlsOf } from './standards.ts'

/** Lines of a table; beyond them the export has the rest. */
const rowsMax = 500

/**
 * A report as one HTML file that needs nothing else: no scripts, nothing from outside, light and dark, and ready to print. All
 * that comes from records is escaped.
 */
export function reportPage(facts: ReportFacts): string {
  const record = readReport(facts)
  const { period, status, at, programVersion } = facts
  const page = html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Backup evidence, ${status.environment}, ${period.title}${isUnfinished(period, at) ? ' (not finished)' : undefined}</title><style>${new HtmlText(reportStyle)}</style></head><body>
<header><p class="brand">ZakOps Backup · Evidence report</p><h1>${period.title}</h1>
<p class="lead">${status.environment} · ${formatDay(period.from)} to ${formatDay(new Date(period.until.getTime() - 1))} · written ${formatMinute(at)} UTC by version ${programVersion}</p>${unfinished(facts)}</header>
${summary(facts, record)}
${clausesSection(facts)}
${objectivesSection(facts)}
${chartsSection(facts, record)}
${testsSection(record)}
${drillSections(record.drills, facts.objectives)}
${eventsSection(record)}
${controlsSection(facts)}
${signaturesSection(facts)}
${howToRead(facts)}
</body></html>
`
  return page.text
}

/** Nobody may take a month or a year that goes on for one that was kept to its end. */
function unfinished({ period, at }: ReportFacts): HtmlText | undefined {
  if (!isUnfinished(period, at)) return undefined
  const last = formatDay(new Date(period.until.getTime() - 1))
  return html`<p class="unfinished" role="note"><strong>Not finished.</strong> This ${period.kind} goes on until ${last}. The report tells of what was on record when it was written and of nothing after it: what is not here yet may still come. Write it again when the ${period.kind} is over.</p>`
}

function summary(
  { status, objectives, period, at, ledgerFault, entries }: ReportFacts,
  record: ReportRecord,
): HtmlText {
  const until = at < period.until ? at : period.until
  const bySource = Map.groupBy(record.backups, ({ source }) => source)
  const worst = Math.max(...[...bySource.values()].map((backups) => worstAge(backups, period, until) ?? 0), 0)
  const taken = record.backups.filter(({ endedAt }) => endedAt >= period.from && endedAt < period.until).length
  // Other procedures compare too, when somebody restores; they are no tests.
  const tests = record.tests.filter(({ procedure }) => procedure === '' || procedure === 'restore-test')
  const tested = tests.filter(({ outcome }) => outcome === 'equal').length
  const slowest = Math.max(
    0,
    ...record.tests.map(({ durationMs }) => durationMs),
    ...record.drills.map(({ durationMs }) => durationMs),
  )
  const cards: readonly (readonly [string, string, string, 'met' | 'due' | 'breached' | 'plain'])[] = [
    ['Policy', status.state, `on ${formatDay(at)}`, status.state],
    [
      'Oldest newest backup',
      worst === 0 ? 'none' : formatSeconds(worst / 1000),
      `target ${formatAge(objectives.recoveryPoint)}`,
      worst === 0 ? 'plain' : worst <= objectives.recoveryPoint + graceMs ? 'met' : 'breached',
    ],
    [
      'Slowest recovery',
      slowest === 0 ? 'none timed' : formatSeconds(slowest / 1000),
      `target ${formatAge(objectives.recoveryTime)}`,
      slowest === 0 ? 'plain' : slowest <= objectives.recoveryTime ? 'met' : 'breached',
    ],
    [
      'Backups stored',
      String(taken),
      `${record.counts.runs} runs, ${record.counts.failed} failed`,
      record.counts.failed === 0 ? 'plain' : 'due',
    ],
    [
      'Restore tests',
      `${tested} of ${tests.length}`,
      'restored and found equal',
      tests.length === 0 ? 'plain' : tested === tests.length ? 'met' : 'breached',
    ],
    [
      'Ledger',
      ledgerFault === undefined ? 'intact' : 'not proven',
      `${entries.length} entries`,
      ledgerFault === undefined ? 'met' : 'breached',
    ],
  ]
  return html`<section class="cards">${cards.map(
    ([name, value, note, state]) =>
      html`<div class="card ${state}"><p>${name}</p><strong>${value}</strong><small>${note}</small></div>`,
  )}</section>`
}

function clausesSection({ status, at }: ReportFacts): HtmlText {
  const sections = Map.groupBy(status.clauses, ({ section }) => section)
  const rows = [...sections].map(
    ([section, clauses]) =>
      html`<tr class="group"><th colspan="3" scope="rowgroup">${section}</th></tr>${clauses.map(
        ({ clause, state, evidence, remedy }) =>
          html`<tr><th scope="row">${clause}</th><td>${badge(state)}</td><td><ul>${evidence.map(
            ({ text }) => html`<li>${text}</li>`,
          )}</ul>${remedy === undefined ? undefined : html`<p class="remedy">To do: <code>${remedy}</code></p>`}</td></tr>`,
      )}`,
  )
  return html`<section><h2>The policy, clause by clause</h2><p class="note">As it was kept on ${formatMinute(at)} UTC.</p>
<table class="clauses"><thead><tr><th>Clause</th><th>State</th><th>Known from</th></tr></thead><tbody>${rows}</tbody></table></section>`
}

function badge(state: string, said = state): HtmlText {
  return html`<span class="badge ${state.replace(' ', '-')}">${said}</span>`
}

function chartsSection(facts: ReportFacts, { backups, tests }: ReportRecord): HtmlText {
  const known = new Set([...facts.status.sources.map(({ source }) => source), ...backups.map(({ source }) => source)])
  const bySource = Map.groupBy(backups, ({ source }) => source)
  const testsOf = Map.groupBy(tests, ({ source }) => source)
  return html`<section><h2>Backups of each source</h2><p class="note">The dashed line is the target of the policy; a backup that is due has an hour to end. Point at a value to read it.</p>${[
    ...known,
  ].map((source) =>
    sourceCharts(source, { backups: bySource.get(source) ?? [], tests: testsOf.get(source) ?? [] }, facts),
  )}</section>`
}

function testsSection({ tests }: ReportRecord): HtmlText {
  if (tests.length === 0)
    return html`<section><h2>Restore tests and compared restores</h2><p class="empty">None in this time.</p></section>`
  const rows = tests
    .slice(-rowsMax)
    .map(
      ({ at, source, backup, location, outcome, durationMs, run, procedure, differences }) =>
        html`<tr><td>${formatMinute(at)}</td><td>${source}</td><td><code>${backup.slice(0, 8)}</code></td><td>${location}</td><td>${badge(outcome === 'equal' ? 'met' : 'breached', outcome)}</td><td class="number">${formatSeconds(durationMs / 1000)}</td><td>${
          differences.length === 0
            ? 'none'
            : html`<ul>${differences.slice(0, 20).map((one) => html`<li>${one}</li>`)}</ul>`
        }<small>${procedure} run ${run}</small></td></tr>`,
    )
  return html`<section><h2>Restore tests and compared restores</h2><p class="note">What was restored was compared with the manifest that was taken with the backup: row counts, digests of tables, schemas and files.</p>
<table><thead><tr><th>When</th><th>Source</th><th>Backup</th><th>From</th><th>Result</th><th>Took</th><th>Differences</th></tr></thead><tbody>${rows}</tbody></table></section>`
}

function eventsSection({ events }: ReportRecord): HtmlText {
  if (events.length === 0)
    return html`<section><h2>Changes, keys, refusals, alarms, failures</h2><p class="empty">None in this time.</p></section>`
  const rows = events
    .slice(-rowsMax)
    .map(
      ({ at, kind, actor, text }) =>
        html`<tr><td>${formatMinute(at)}</td><td>${kind}</td><td>${text}</td><td>${actor}</td></tr>`,
    )
  const more = events.length > rowsMax ? html`<p class="note">The last ${rowsMax} of ${events.length}.</p>` : undefined
  return html`<section><h2>Changes, keys, refusals, alarms, failures</h2>${more}<table><thead><tr><th>When</th><th>What</th><th>Record</th><th>By</th></tr></thead><tbody>${rows}</tbody></table></section>`
}

function controlsSection({ status }: ReportFacts): HtmlText {
  const rows = status.clauses.map(({ section, clause, state }) => {
    const { iso, soc, nist } = controlsOf(section)
    return html`<tr><th scope="row">${clause}</th><td>${badge(state)}</td><td>${iso}</td><td>${soc}</td><td>${nist}</td></tr>`
  })
  return html`<section class="controls"><h2>Controls that the clauses answer to</h2><p class="note">ISO/IEC 27001:2022 Annex A, SOC 2 Trust Services Criteria, NIST SP 800-34 Rev. 1 with the CP controls of SP 800-53. Whether a control is met as a whole is the auditor's to say.</p>
<table><thead><tr><th>Clause</th><th>State</th><th>ISO 27001</th><th>SOC 2</th><th>NIST</th></tr></thead><tbody>${rows}</tbody></table></section>`
}

function howToRead({ responsibilities }: ReportFacts): HtmlText {
  const people = Object.entries(responsibilities).map(
    ([role, names]) => html`<li><strong>${role}</strong>: ${names.join(', ')}</li>`,
  )
  return html`<section class="read"><h2>How to read this</h2>
<p><strong>met</strong>: the clause is kept. <strong>due</strong>: something is to be done by a date. <strong>breached</strong>: it is not kept. <strong>not yet</strong>: nothing of it has come due. <strong>RPO</strong>: how much work may be lost, as the age of the newest backup. <strong>RTO</strong>: how long a recovery may take.</p>
<p>Every figure comes from the evidence ledger. Nobody needs to trust this page: ask for an export and verify it by yourself, as the section before says.</p><ul class="people">${people}</ul></section>`
}
