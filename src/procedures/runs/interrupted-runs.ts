import type { Catalog } from '../../catalog/catalog.ts'
import { changesProduction } from '../../model/procedures/policy-procedures.ts'
import type { RunProcess } from '../../model/run.ts'
import { procedureRuns, type ProcedureRun, stepsOfRun } from './find-run.ts'
import { stoppedServices } from './stopped-services.ts'

/** A run that is neither at work nor at its end, and what it left stopped. */
export interface InterruptedRun {
  readonly run: string
  readonly procedure: string
  readonly source: string | undefined
  readonly since: Date
  /** The services that it stopped and nobody started again. */
  readonly stopped: readonly string[]
}

/** How a run stands whose last try has not ended well, by what is on record; undefined where it is at work, done or rolled back. */
export async function interruptionOf(
  catalog: Pick<Catalog, 'runs' | 'evidence'>,
  run: ProcedureRun,
  isAlive: (process: RunProcess) => boolean,
): Promise<InterruptedRun | undefined> {
  const last = run.tries.at(-1)!
  if (last.state === 'done' || last.state === 'gaps') return undefined
  if (last.state === 'running' && isAlive(last.process)) return undefined
  const rollBacks = await catalog.runs({ procedure: 'roll-back' })
  const isUndone = rollBacks.some((one) => one.state === 'done' && one.summary.startsWith(`${run.id}:`))
  if (isUndone) return undefined
  const stopped = stoppedServices(await stepsOfRun(catalog, run))
  return { run: run.id, procedure: run.procedure, source: run.source, since: last.startedAt, stopped }
}

/** All of them, oldest first. */
export async function interruptedRuns(
  catalog: Pick<Catalog, 'runs' | 'evidence'>,
  isAlive: (process: RunProcess) => boolean,
): Promise<readonly InterruptedRun[]> {
  const found: InterruptedRun[] = []
  for (const run of await procedureRuns(catalog)) {
    const one = await interruptionOf(catalog, run, isAlive)
    if (one !== undefined) found.push(one)
  }
  return found
}

/** A sentence for people, with what they can do. */
export function describeInterruption({ run, procedure, stopped }: InterruptedRun): string {
  const state = stopped.length === 0 ? '' : `; STOPPED and not started again: ${stopped.join(', ')}`
  const undo = changesProduction(procedure) ? `, \`procedure roll-back ${run}\` undoes it` : ''
  return `run ${run} did not end${state}: \`procedure resume ${run}\` goes on${undo}`
}
