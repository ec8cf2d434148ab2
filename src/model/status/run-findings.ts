import { FAILURES } from '../../base/failure.ts'
import { formatMinute } from '../age.ts'
import type { ProcedureName, Run } from '../run.ts'
import type { Finding } from './clause-status.ts'
import type { StatusView } from './status-view.ts'

/** A run that did not do what it was begun for. */
export type FailedRun = Extract<Run, { readonly state: 'failed' | 'lost' }>

/**
 * What failed last: of each of these procedures, and of each source where it is for one, the run that ended last, where it
 * failed or its process died, and nothing made it good since. Due, whatever was promised by when: who looks is to see at once that
 * something does not work, before it breaks a promise. Only to be asked of what is done again by itself: a failure of what
 * a person does now and then would stand for ever.
 */
export function failedFindings(view: StatusView, procedures: readonly ProcedureName[]): Finding[] {
  return failedRuns(view, procedures).map((run) => failedFinding(run, view))
}

/** The last run that backed a source up, where it failed and no complete backup came after it. */
export function failedBackup(view: Pick<StatusView, 'facts' | 'now'>, source: string): FailedRun | undefined {
  return lastFailed(view, ({ procedure, source: of }) => procedure === 'backup' && of === source)
}

function failedRuns(view: StatusView, procedures: readonly ProcedureName[]): FailedRun[] {
  const known = new Set(view.facts.runs.map(({ source }) => source))
  const sources = [...known].filter(
    (source) => source === undefined || view.sources.some(({ name }) => name === source),
  )
  return procedures.flatMap((name) =>
    sources.flatMap((of) => lastFailed(view, ({ procedure, source }) => procedure === name && source === of) ?? []),
  )
}

function lastFailed(
  { facts, now }: Pick<StatusView, 'facts' | 'now'>,
  isMeant: (run: Run) => boolean,
): FailedRun | undefined {
  const ended = facts.runs.filter((run) => isMeant(run) && run.state !== 'running' && run.startedAt <= now)
  const [last] = ended.toSorted((a, b) => b.startedAt.getTime() - a.startedAt.getTime())
  if (last === undefined || (last.state !== 'failed' && last.state !== 'lost')) return undefined
  // A run that was killed behind its backup is found with it.
  const { source, startedAt } = last
  const isMadeGood = facts.backups.some(
    (backup) =>
      last.procedure === 'backup' && backup.source === source && backup.gaps === 0 && backup.endedAt >= startedAt,
  )
  return isMadeGood ? undefined : last
}

function failedFinding(run: FailedRun, view: StatusView): Finding {
  const { id, procedure, source, startedAt } = run
  const next = view.facts.runs.find(
    (one) =>
      one.state === 'running' && one.procedure === procedure && one.source === source && one.startedAt >= startedAt,
  )
  const again = next === undefined ? '' : `; run ${next.id} is trying again`
  const what = source === undefined ? `the last ${procedure}` : `${source}: the last ${procedure}`
  const evidence = `${what} failed, ${formatMinute(startedAt)} (run ${id}): ${failureText(run)}${again}`
  return { state: 'due', evidence, remedy: commandOf(procedure, source) }
}

/** Why a run failed, and what its failure's code says to do. */
export function failureText(run: FailedRun): string {
  if (run.state === 'lost') return 'its process died before it ended'
  return `${run.message.replace(/\.$/, '')}. ${FAILURES[run.failure].remedy.replace(/\.$/, '')}`
}

function commandOf(procedure: ProcedureName, source: string | undefined): string {
  switch (procedure) {
    case 'backup':
      return `zakops-backup backup${source === undefined ? '' : ` ${source}`}`
    case 'restore-test':
      return `zakops-backup procedure run restore-test${source === undefined ? '' : ` --source ${source}`}`
    default:
      return `zakops-backup ${procedure}`
  }
}
