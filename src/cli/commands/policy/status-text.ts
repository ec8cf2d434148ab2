import { printableName } from '../../../base/byte-name.ts'
import { formatAge, formatMinute, formatSpanRange } from '../../../model/age.ts'
import type { ClauseState, ClauseStatus } from '../../../model/status/clause-status.ts'
import { clauseStates } from '../../../model/status/clause-status.ts'
import type { PolicyStatus } from '../../../model/status/policy-status.ts'
import type { BackupMention, SourceStatus } from '../../../model/status/source-status.ts'
import type { TextColour, TextStyle } from '../../output/text-style.ts'
import { formatCount } from '../../output/format-count.ts'
import { wrappedText } from '../../output/wrapped-text.ts'

const colours: Readonly<Record<ClauseState, TextColour>> = {
  met: 'green',
  due: 'yellow',
  breached: 'red',
  'not yet': 'dim',
  'not applicable': 'dim',
}

const stateWidth = Math.max(...clauseStates.map((state) => state.length))
const labelWidth = 'last pre-operation'.length

/**
 * The status for people, in lines of at most `width` characters as far as words are not longer: what is wrong with its
 * evidence and the command that mends it, what is well with one sentence.
 */
export function statusText(status: PolicyStatus, width: number, style: TextStyle): string[] {
  const head = `Policy of ${status.environment}, ${status.policyDigest.slice(0, 16)}, at ${formatMinute(status.at)} UTC: `
  const lines = [`${head}${style(status.state, colours[status.state])}`]
  let section = ''
  for (const clause of status.clauses) {
    if (clause.section !== section) lines.push('', style(clause.section, 'bold'))
    section = clause.section
    lines.push(...clauseLines(clause, width, style))
  }
  for (const source of status.sources) lines.push('', ...sourceLines(source, width, style))
  return [...lines, '', ...summaryLines(status, style)]
}

function clauseLines(
  { clause, section, state, evidence, remedy }: ClauseStatus,
  width: number,
  style: TextStyle,
): string[] {
  // Under the heading "Encryption", "Encryption: algorithm" needs no more than "Algorithm".
  const [before, after] = clause.split(': ')
  const short = after !== undefined && before?.toLowerCase() === section.toLowerCase() ? after : clause
  const name = `${short[0]!.toUpperCase()}${short.slice(1)}`
  const lines = [`  ${style(state.padEnd(stateWidth), colours[state])}  ${name}`]
  const isWrong = state === 'breached' || state === 'due'
  const told = evidence.filter((one) => one.state === state)
  const shown = isWrong ? told : told.slice(0, 1)
  const more = told.length - shown.length
  const indent = ' '.repeat(stateWidth + 4)
  for (const { text } of shown) {
    for (const line of wrappedText(
      printableName(`${text}${more > 0 ? ` (and ${more} more)` : ''}`),
      width - indent.length,
    )) {
      lines.push(`${indent}${style(line, isWrong ? 'yellow' : 'dim')}`)
    }
  }
  // A command is not broken over lines, so that it can be copied.
  if (remedy !== undefined) lines.push(`${indent}→ ${style(printableName(remedy), 'bold')}`)
  return lines
}

function sourceLines(source: SourceStatus, width: number, style: TextStyle): string[] {
  const { newestGood: good, lastVerification: verified, failedRun: failed, nextDue } = source
  const target = `target ${formatAge(source.recoveryPointMs)}`
  const isLate = good === undefined || good.ageMs > source.recoveryPointMs
  const age = good === undefined ? `none, ${target}` : `${formatAge(good.ageMs)} old, ${target}`
  const rows: readonly (readonly [string, string, TextColour?])[] = [
    ['last full', backupText(source.lastFull)],
    ['last incremental', backupText(source.lastIncremental)],
    ...(source.kind === 'sqlite' ? ([['last pre-operation', backupText(source.lastPreOperation)]] as const) : []),
    ...(failed === undefined
      ? []
      : ([
          [
            'last run FAILED',
            `${formatMinute(failed.startedAt)}  ${failed.run}: ${printableName(failed.message)}`,
            'red',
          ],
        ] as const)),
    ['newest good', age, isLate ? 'yellow' : 'green'],
    ['recovery point', pointsText(source)],
    ['newest proven', provenText(source)],
    ['restore forecast', forecastsText(source)],
    ['copies', source.copies.map(({ location, copies, of }) => `${location} ${copies} of ${of}`).join(', ')],
    ['last verification', verified === undefined ? 'none' : verifiedText(verified)],
    ['next due', nextDue === undefined ? 'nothing' : `${formatMinute(nextDue.at)}  ${nextDue.kind}`],
  ]
  return [
    `${style(printableName(source.source), 'bold')} (${source.kind})`,
    ...rows.flatMap(([label, text, colour]) =>
      wrappedText(text, width - labelWidth - 4).map((line, at) => {
        const shown = colour === undefined ? line : style(line, colour)
        return `  ${(at === 0 ? label : '').padEnd(labelWidth)}  ${shown}`
      }),
    ),
  ]
}

/** "primary 3 minutes by the log, secondary 8 minutes by the log" */
function pointsText({ points }: SourceStatus): string {
  return points
    .map(({ location, by, ageMs, gap }) => {
      if (ageMs === undefined) return `${location} none`
      const log = by === 'log' ? ' by the log' : gap === undefined ? '' : ' (a gap in the log)'
      return `${location} ${formatAge(ageMs)}${log}`
    })
    .join(', ')
}

function provenText({ points }: SourceStatus): string {
  return points
    .map(({ location, provenAgeMs }) =>
      provenAgeMs === undefined ? `${location} none` : `${location} ${formatAge(provenAgeMs)} old`,
    )
    .join(', ')
}

function forecastsText({ forecasts }: SourceStatus): string {
  return forecasts
    .map(({ location, durationMs, range, unknown, lacks }) => {
      if (durationMs === undefined) return `${location} ${unknown}`
      const without = lacks.length === 0 ? '' : ` and ${lacks.join(' and ')} (not measured)`
      return `${location} ${formatSpanRange(durationMs, range)}${without}`
    })
    .join(', ')
}

function backupText(backup: BackupMention | undefined): string {
  if (backup === undefined) return 'none'
  const gaps = backup.gaps === 0 ? '' : `  partial, ${backup.gaps} missing`
  return `${formatMinute(backup.takenAt)}  ${backup.id.slice(0, 8)}${gaps}`
}

function verifiedText({ at, location, faults }: NonNullable<SourceStatus['lastVerification']>): string {
  return `${formatMinute(at)}  ${location}, ${faults === 0 ? 'no faults' : formatCount(faults, 'fault')}`
}

function summaryLines({ clauses, exitCode }: PolicyStatus, style: TextStyle): string[] {
  const counts = clauseStates.flatMap((state) => {
    const count = clauses.filter((clause) => clause.state === state).length
    return count === 0 ? [] : [style(`${count} ${state}`, colours[state])]
  })
  return [`${clauses.length} clauses: ${counts.join(', ')}${exitCode === 0 ? '' : ' (exit code 5)'}`]
}
