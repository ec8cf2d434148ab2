import { Failure } from '../../base/failure.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import { policyProcedureNames, type PolicyProcedureName } from '../../model/procedures/policy-procedures.ts'
import { stepHistory, type StepState } from '../../model/procedures/step-history.ts'
import type { Run } from '../../model/run.ts'

/** A run of one of the policy's procedures with all its tries. */
export interface ProcedureRun {
  /** The name that a person gives; a further try is on record as "<id>.2". */
  readonly id: string
  readonly procedure: PolicyProcedureName
  readonly source: string | undefined
  /** Oldest first; at least one. */
  readonly tries: readonly Run[]
  /** When the old state was last put back; the run is no longer what production is. */
  readonly rolledBackAt: Date | undefined
}

/** The name of a run whatever try of it is given. */
export function baseRunId(id: string): string {
  return id.replace(/\.\d+$/, '')
}

export function nextTryId({ id, tries }: Pick<ProcedureRun, 'id' | 'tries'>): string {
  return `${id}.${tries.length + 1}`
}

/** Every run of the policy's procedures, oldest first. */
export async function procedureRuns(catalog: Pick<Catalog, 'runs'>): Promise<readonly ProcedureRun[]> {
  const names: readonly string[] = policyProcedureNames
  const all = await catalog.runs()
  const runs = all.filter(({ procedure }) => names.includes(procedure))
  return [...Map.groupBy(runs, ({ id }) => baseRunId(id))].map(([id, tries]) => {
    const [first] = tries
    const rolledBackAt = rollBackOf(id, all)
    return { id, procedure: first!.procedure as PolicyProcedureName, source: first!.source, tries, rolledBackAt }
  })
}

/** The summary of a run that rolls another one back: it begins with that one's name. */
export function rollBackSummary(id: string, done: string): string {
  return `${id}: ${done}`
}

function rollBackOf(id: string, runs: readonly Run[]): Date | undefined {
  const of = rollBackSummary(id, '')
  const found = runs.findLast(
    (run) => run.procedure === 'roll-back' && run.state === 'done' && run.summary.startsWith(of),
  )
  return found?.state === 'done' ? found.endedAt : undefined
}

/** A run by its name or the beginning of it. Failures `snapshot_missing` and `snapshot_ambiguous` would mislead: it is `usage`. */
export async function findRun(catalog: Pick<Catalog, 'runs'>, wanted: string): Promise<ProcedureRun> {
  const runs = await procedureRuns(catalog)
  const exact = runs.find(({ id }) => id === baseRunId(wanted))
  const found = exact === undefined ? runs.filter(({ id }) => id.startsWith(wanted)) : [exact]
  const [run, ...others] = found
  if (run !== undefined && others.length === 0) return run
  const what = run === undefined ? 'there is none of this name' : `${found.length} begin so`
  throw new Failure('usage', `Cannot find run "${wanted}": ${what}`, {
    facts: { hint: '`procedure history` lists them' },
  })
}

/** What is on record of the steps of a run, over all its tries. */
export async function stepsOfRun(
  catalog: Pick<Catalog, 'evidence'>,
  { tries }: Pick<ProcedureRun, 'tries'>,
): Promise<StepState[]> {
  return stepHistory(await catalog.evidence({ kinds: ['step'] }), new Set(tries.map(({ id }) => id)))
}
