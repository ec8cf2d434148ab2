import { isDeepStrictEqual } from 'node:util'
import { Failure } from '../base/failure.ts'
import type { Run, RunEnd } from '../model/run.ts'

/** Why a run can not end so, by the rule of the seam; undefined where it can. */
export function runEndFault(id: string, run: Run | undefined, end: RunEnd): Failure | undefined {
  const what = `Cannot end the run "${id}" as ${end.state}`
  if (run === undefined) return new Failure('refused', `${what}: the catalog knows no run of this id`)
  if (run.state === 'running' || run.state === 'lost') return undefined
  if (isDeepStrictEqual(endOf(run), { ...end })) return undefined
  return new Failure('refused', `${what}: it ended as ${run.state} at ${run.endedAt.toISOString()}`)
}

function endOf(run: Exclude<Run, { readonly state: 'running' }>): RunEnd {
  const { state, endedAt } = run
  switch (state) {
    case 'done':
      return { state, endedAt, summary: run.summary }
    case 'gaps':
      return { state, endedAt, summary: run.summary, gaps: run.gaps }
    case 'failed':
      return { state, endedAt, failure: run.failure, message: run.message }
    case 'lost':
      return { state, endedAt }
    default:
      return state satisfies never
  }
}
