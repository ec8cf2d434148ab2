import { FAILURES } from '../../base/failure.ts'
import type { FailureCode } from '../../base/failure.ts'
import { procedureNames, runStates, runTriggers } from '../../model/run.ts'
import type { Run, RunBeginning, RunEnd } from '../../model/run.ts'
import { RowReader } from './row-reader.ts'
import type { Row } from './row-reader.ts'

type Values = readonly (string | number | null)[]

export const insertRun = `
  INSERT INTO runs (id, procedure, trigger, source, due_at, started_at, host, process_id, process_birth, state)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'running') ON CONFLICT (id) DO NOTHING`

export function runBeginningValues(run: RunBeginning): Values {
  return [
    run.id,
    run.procedure,
    run.trigger,
    run.source ?? null,
    run.dueAt?.getTime() ?? null,
    run.startedAt.getTime(),
    run.process.host,
    run.process.processId,
    run.process.birth ?? null,
  ]
}

export const updateRunEnd = `
  UPDATE runs SET state = ?, ended_at = ?, summary = ?, gaps = ?, failure = ?, message = ? WHERE id = ?`

export function runEndValues(end: RunEnd): Values {
  const summary = 'summary' in end ? end.summary : null
  const gaps = end.state === 'gaps' ? JSON.stringify(end.gaps) : null
  const [failure, message] = end.state === 'failed' ? [end.failure, end.message] : [null, null]
  return [end.state, end.endedAt.getTime(), summary, gaps, failure, message]
}

export function readRun(row: Row, path: string): Run {
  const reader = new RowReader(row, `run "${String(row.id)}" of the catalog "${path}"`)
  const date = (column: string): Date => reader.date(column)
  const text = (column: string): string => reader.text(column)
  return {
    id: reader.text('id'),
    procedure: reader.oneOf('procedure', procedureNames),
    trigger: reader.oneOf('trigger', runTriggers),
    source: reader.optional('source', text),
    dueAt: reader.optional('due_at', date),
    startedAt: reader.date('started_at'),
    process: {
      host: reader.text('host'),
      processId: reader.count('process_id'),
      birth: reader.optional('process_birth', text),
    },
    ...readState(reader),
  }
}

function readState(reader: RowReader): RunEnd | { readonly state: 'running' } {
  const state = reader.oneOf('state', runStates)
  switch (state) {
    case 'running':
      return { state }
    case 'done':
      return { state, endedAt: reader.date('ended_at'), summary: reader.text('summary') }
    case 'gaps':
      return {
        state,
        endedAt: reader.date('ended_at'),
        summary: reader.text('summary'),
        gaps: reader.texts('gaps'),
      }
    case 'failed':
      return {
        state,
        endedAt: reader.date('ended_at'),
        failure: reader.oneOf('failure', Object.keys(FAILURES) as FailureCode[]),
        message: reader.text('message'),
      }
    case 'lost':
      return { state, endedAt: reader.date('ended_at') }
    default:
      return state satisfies never
  }
}
