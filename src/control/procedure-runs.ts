import { Failure, isFailure } from '../base/failure.ts'
import { errorMessage } from '../base/error-message.ts'
import { changesProduction } from '../model/procedures/policy-procedures.ts'
import type { RunTrigger } from '../model/run.ts'
import type { DrillRoot } from '../procedures/recovery-drill/drill-root.ts'
import type { Installation, Watch } from '../procedures/installation.ts'
import {
  findRun,
  nextTryId,
  type ProcedureRun,
  procedureRuns,
  rollBackSummary,
  stepsOfRun,
} from '../procedures/runs/find-run.ts'
import type { ProcedureOutcome } from '../procedures/runs/procedure-context.ts'
import { performProcedure, type ProcedureOrder } from '../procedures/runs/procedure-table.ts'
import { recordedSteps } from '../procedures/runs/recorded-steps.ts'
import { planRollBack, rollBack, type RollBackPlan } from '../procedures/runs/roll-back.ts'
import { stoppedServices } from '../procedures/runs/stopped-services.ts'
import { directSteps, type StepResult, type StepRunner } from '../procedures/step-runner.ts'
import type { DurableProcedure, DurableRuns } from './durable-runs.ts'

/** What a run of a procedure works with. */
export interface ProcedureParts {
  readonly installation: Installation
  readonly watch: Watch
  readonly drillRoot: DrillRoot
  /** Opens the store of one run, for this process alone. Failure `refused` where another process works on the run. */
  readonly openStore: (id: string) => Promise<DurableRuns>
  readonly hasStore: (id: string) => Promise<boolean>
  /** Returns where a person says yes to a step that the policy names. Failure `refused` where nobody does. */
  readonly confirm: (question: { readonly run: string; readonly step: string }) => Promise<void>
  /** Forgets a run that will not go on. */
  readonly removeStore: (id: string) => Promise<void>
}

export interface ProcedureEnd {
  readonly id: string
  readonly outcome: ProcedureOutcome
}

/**
 * Begins a procedure and does it. It is on disk before its first step, and a crash leaves it to resumeProcedure(). A step that
 * fails ends this try: the Failure says what is stopped and how to go on; the steps before it stay done. Failure `refused`
 * where another run is at work on the same source.
 */
export async function startProcedure(
  parts: ProcedureParts,
  begun: { readonly id: string; readonly trigger: RunTrigger } & ProcedureOrder,
  signal: AbortSignal,
): Promise<ProcedureEnd> {
  const { catalog, clock, process } = parts.installation
  const { id, procedure, trigger, order } = begun
  const source = 'source' in order ? order.source : undefined
  await requireAlone(parts, { source, id })
  await using runs = await parts.openStore(id)
  const input = { ...begun, order: { ...order } } as unknown as StepResult
  await runs.start({ key: id, procedure, input })
  await catalog.beginRun({ id, procedure, trigger, source, dueAt: undefined, startedAt: clock.now(), process })
  return await workOn(parts, runs, { id, procedure, run: id, tries: [id] }, signal)
}

/** Goes on with a run that a crash, a signal or a failed step has ended, at the step where it was. Failure `refused`. */
export async function resumeProcedure(
  parts: ProcedureParts,
  wanted: string,
  signal: AbortSignal,
): Promise<ProcedureEnd> {
  const { catalog, clock, process } = parts.installation
  const known = await findRun(catalog, wanted)
  const { id, procedure, source, tries } = known
  requireKnownSource(parts, { source, id, procedure })
  await requireAlone(parts, { source, id })
  const last = tries.at(-1)!
  const hasEnded = last.state === 'done' || last.state === 'gaps'
  // Left by a process that was killed right behind the end.
  if (hasEnded && (await parts.hasStore(id))) await parts.removeStore(id)
  if (hasEnded || !(await parts.hasStore(id))) {
    throw new Failure('refused', `Cannot resume run "${id}": it has ended`, {
      facts: { hint: '`procedure history` says how; `procedure run` begins a new one' },
    })
  }
  await using runs = await parts.openStore(id)
  const isDead = last.state === 'running' || last.state === 'lost'
  const run = isDead ? last.id : nextTryId(known)
  if (!isDead) {
    const beginning = { id: run, procedure, trigger: 'person', source, dueAt: undefined, process } as const
    await catalog.beginRun({ ...beginning, startedAt: clock.now() })
  }
  return await workOn(parts, runs, { id, procedure, run, tries: [...tries.map((one) => one.id), run] }, signal)
}

/**
 * What rolling a run back would do. Failure `refused` where a later restore of the same database is in place: what the run
 * moved aside is older than what that one found, and would take its place unasked.
 */
export async function planRunRollBack(
  { installation: { catalog } }: Pick<ProcedureParts, 'installation'>,
  wanted: string,
): Promise<{ readonly run: ProcedureRun; readonly plan: RollBackPlan }> {
  const run = await findRun(catalog, wanted)
  const plan = planRollBack(run, await stepsOfRun(catalog, run))
  if (replacesDatabase(plan) && run.rolledBackAt === undefined) await requireNewest(catalog, run)
  return { run, plan }
}

function replacesDatabase({ action }: RollBackPlan): boolean {
  return ['database', 'data folder', 'databases'].includes(action.kind)
}

async function requireNewest(catalog: Installation['catalog'], { id, source }: ProcedureRun): Promise<void> {
  const runs = await procedureRuns(catalog)
  const later = runs.slice(runs.findIndex((run) => run.id === id) + 1).toReversed()
  for (const run of later) {
    if (run.procedure !== 'database-restore' || run.source !== source || run.rolledBackAt !== undefined) continue
    const plan = planRollBack(run, await stepsOfRun(catalog, run))
    if (!replacesDatabase(plan)) continue
    throw new Failure('refused', `Cannot roll run "${id}" back: run "${run.id}" restored "${source}" after it`, {
      facts: { hint: `\`procedure roll-back ${run.id}\` first: it puts back what was there before it` },
    })
  }
}

/**
 * Puts back what was there before a run, and starts the services. The run can not be resumed afterwards. May be run twice.
 * Failure `refused` where the run is still at work.
 */
export async function rollBackProcedure(
  parts: ProcedureParts,
  { wanted, rollBackRun }: { readonly wanted: string; readonly rollBackRun: string },
  signal: AbortSignal,
): Promise<string> {
  const { installation } = parts
  const { catalog, clock, process } = installation
  const { run, plan } = await planRunRollBack(parts, wanted)
  await requireAlone(parts, { source: run.source, id: run.id })
  // Nobody resumes it meanwhile. Of a run that ended well there is no store; this makes one, and takes it away at the end.
  await using _held = await parts.openStore(run.id)
  const beginning = { id: rollBackRun, procedure: 'roll-back', trigger: 'person', source: run.source } as const
  await catalog.beginRun({ ...beginning, dueAt: undefined, startedAt: clock.now(), process })
  const step = recordedSteps(installation, rollBackRun, directSteps(signal))
  try {
    const summary = rollBackSummary(run.id, await rollBack(installation, { run: run.id, plan }, step))
    const last = run.tries.at(-1)!
    if (last.state === 'running' || last.state === 'lost') {
      const end = { state: 'failed', endedAt: clock.now(), failure: 'stopped', message: 'it was rolled back' } as const
      await catalog.endRun(last.id, end)
    }
    await catalog.endRun(rollBackRun, { state: 'done', endedAt: clock.now(), summary })
    // Last: until then it can be rolled back again.
    await parts.removeStore(run.id)
    return summary
  } catch (error) {
    const failure = isFailure(error) ? error.code : 'defect'
    await catalog.endRun(rollBackRun, { state: 'failed', endedAt: clock.now(), failure, message: errorMessage(error) })
    throw error
  }
}

interface Try {
  readonly id: string
  readonly procedure: string
  readonly run: string
  readonly tries: readonly string[]
}

async function workOn(
  parts: ProcedureParts,
  runs: DurableRuns,
  tried: Try,
  signal: AbortSignal,
): Promise<ProcedureEnd> {
  const { installation, watch, drillRoot } = parts
  const { id, run } = tried
  const halt = new AbortController()
  let failure: unknown
  const procedure: DurableProcedure = async (input, step) => {
    try {
      const wanted = input as unknown as ProcedureOrder // Written by startProcedure(), in a file that only this program writes.
      const outcome = await performProcedure(
        { installation, id, run, watch, drillRoot },
        wanted,
        recordedSteps(installation, run, confirmedSteps(parts, { run: id, procedure: wanted.procedure }, step)),
      )
      // On record before the store forgets the run: killed in between, it has ended, and not half so.
      await endWell(installation, run, outcome)
      return { ...outcome }
    } catch (error) {
      failure = error
      halt.abort() // So the store keeps the run: a failed step is done again by the next try.
      throw error
    }
  }
  const names = ['database-restore', 'file-restore', 'restore-test', 'recovery-drill', 'point-in-time-recovery']
  const procedures = Object.fromEntries(names.map((name) => [name, procedure]))
  let outcome: ProcedureOutcome
  try {
    const end = await runs.workOne(procedures, AbortSignal.any([signal, halt.signal]))
    if (end === undefined) throw new Failure('refused', `Cannot work on run "${id}": it has ended`)
    if (end.state === 'failed') throw end.error
    outcome = end.result as unknown as ProcedureOutcome
  } catch (error) {
    throw await endFailed(parts, tried, failure ?? error)
  }
  await parts.removeStore(id)
  return { id, outcome }
}

/** The same steps, those that the policy names only when a person has said yes; that is on record. */
function confirmedSteps(
  { installation, confirm }: ProcedureParts,
  { run, procedure }: { readonly run: string; readonly procedure: ProcedureOrder['procedure'] },
  step: StepRunner,
): StepRunner {
  const { policy, catalog, clock, host } = installation
  const asked: readonly string[] = policy.confirm[procedure]
  return (name, work) =>
    step(name, async (signal) => {
      // A part of a step is named "<step>: <part>".
      if (asked.some((one) => name === one || name.startsWith(`${one}: `))) {
        await confirm({ run, step: name })
        const actor = `${host.username}@${host.hostname}`
        await catalog.addEvidence({ at: clock.now(), kind: 'confirmation', actor, facts: { run, step: name } })
      }
      return await work(signal)
    })
}

async function endWell(
  { catalog, clock }: Pick<Installation, 'catalog' | 'clock'>,
  run: string,
  { summary, gaps }: ProcedureOutcome,
): Promise<void> {
  const endedAt = clock.now()
  await catalog.endRun(
    run,
    gaps.length === 0 ? { state: 'done', endedAt, summary } : { state: 'gaps', endedAt, summary, gaps },
  )
}

/** Puts the end of a try on record; answers the failure with what is stopped and how to go on. */
async function endFailed(
  { installation }: ProcedureParts,
  { id, procedure, run, tries }: Try,
  error: unknown,
): Promise<unknown> {
  const { catalog, clock } = installation
  const known = await stepsOfRun(catalog, { tries: tries.map((one) => ({ id: one })) as never })
  const failed = known.find(({ state }) => state !== 'done')
  const stopped = stoppedServices(known)
  const code = isFailure(error) ? error.code : 'defect'
  const where = failed === undefined ? '' : ` at "${failed.step}"`
  const state = stopped.length === 0 ? '' : `; STOPPED and not started again: ${stopped.join(', ')}`
  const message = `Run "${id}" stopped${where}: ${errorMessage(error)}${state}`
  await catalog.endRun(run, { state: 'failed', endedAt: clock.now(), failure: code, message })
  const own =
    isFailure(error) && typeof error.facts['hint'] === 'string' ? `${error.facts['hint'].replace(/\.$/, '')}. ` : ''
  const undo = changesProduction(procedure) ? `; \`procedure roll-back ${id}\` puts the old state back` : ''
  const hint = `${own}\`procedure resume ${id}\` goes on at this step${undo}`
  if (!isFailure(error)) return error
  return new Failure(error.code, message, { cause: error, facts: { ...error.facts, hint } })
}

/** Without its source in the policy there would be nothing to validate, and the run would be proven by that. */
function requireKnownSource(
  { installation: { policy } }: ProcedureParts,
  { source, id, procedure }: { readonly source: string | undefined; readonly id: string; readonly procedure: string },
): void {
  if (source === undefined || Object.hasOwn(policy.sources, source)) return
  throw new Failure('refused', `Cannot resume run "${id}": the policy has no source "${source}" any more`, {
    facts: {
      hint: `Put the source back into the policy${changesProduction(procedure) ? `, or undo the run: \`procedure roll-back ${id}\`` : ''}`,
    },
  })
}

/** Two restores of one source at a time would move each other's data aside. Who works on a run holds its store. */
async function requireAlone(
  parts: ProcedureParts,
  { source, id }: { readonly source: string | undefined; readonly id: string },
): Promise<void> {
  if (source === undefined) return
  for (const run of await procedureRuns(parts.installation.catalog)) {
    if (run.source !== source || run.id === id || !(await isAtWork(parts, run.id))) continue
    throw new Failure('refused', `Cannot work on source "${source}": run "${run.id}" is at work on it`)
  }
}

async function isAtWork({ hasStore, openStore }: ProcedureParts, id: string): Promise<boolean> {
  if (!(await hasStore(id))) return false
  try {
    await using _store = await openStore(id)
    return false
  } catch (error) {
    if (!isFailure(error, 'refused')) throw error
    return true
  }
}
