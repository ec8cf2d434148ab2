import { resolve } from 'node:path'
import { Failure, isFailure } from '../../../base/failure.ts'
import type { LocationName } from '../../../model/policy/policy.ts'
import { type PolicyProcedureName, type StepText } from '../../../model/procedures/policy-procedures.ts'
import {
  planRunRollBack,
  type ProcedureEnd,
  type ProcedureParts,
  resumeProcedure,
  rollBackProcedure,
  startProcedure,
} from '../../../control/procedure-runs.ts'
import { planProcedure } from '../../../procedures/runs/plan-procedure.ts'
import type { ProcedureOrder } from '../../../procedures/runs/procedure-table.ts'
import { openProcedures } from '../../access/open-procedures.ts'
import type { CommandContext } from '../../command-entry.ts'
import { describeFailure } from '../../describe-failure.ts'
import type { Outcome } from '../../outcome.ts'
import { newRunId } from './new-run-id.ts'
import { watching } from './watching.ts'

export interface RunProcedureOptions {
  readonly source?: string
  readonly backup: string
  readonly location?: LocationName
  readonly path: readonly string[]
  readonly seed?: string
  readonly dryRun?: true
}

export async function runProcedure(
  context: CommandContext,
  procedure: PolicyProcedureName,
  options: RunProcedureOptions,
): Promise<Outcome> {
  const order = orderOf(context, procedure, options)
  const id = newRunId(context.world.random)
  return await withParts(context, async (parts) => {
    // Whatever makes the order impossible is said now, before there is a run.
    const plan = await planProcedure({ installation: parts.installation, id }, order)
    if (options.dryRun === true) {
      tellPlan(context, procedure, plan)
      return 'done'
    }
    context.output.notice(`run ${id}`)
    return await ended(context, () => startProcedure(parts, { id, trigger: 'person', ...order }, context.signal))
  })
}

export async function resumeRun(context: CommandContext, name: string): Promise<Outcome> {
  return await withParts(context, (parts) => ended(context, () => resumeProcedure(parts, name, context.signal)))
}

export async function rollBackRun(
  context: CommandContext,
  name: string,
  options: { readonly dryRun?: true },
): Promise<Outcome> {
  const { output, world, signal } = context
  return await withParts(context, async (parts) => {
    const { run, plan } = await planRunRollBack(parts, name)
    if (options.dryRun === true) {
      if (output.json) output.document({ message_type: 'roll_back_plan', run: run.id, does: plan.does })
      else for (const line of plan.does) output.line(line)
      return 'done'
    }
    const rollBackId = newRunId(world.random)
    const summary = await rollBackProcedure(parts, { wanted: name, rollBackRun: rollBackId }, signal)
    if (output.json) output.document({ message_type: 'rolled_back', run: run.id, summary })
    else output.line(summary)
    return 'done'
  })
}

async function withParts(context: CommandContext, work: (parts: ProcedureParts) => Promise<Outcome>): Promise<Outcome> {
  await using watch = watching(context)
  await using opened = await openProcedures(context, watch)
  return await work(opened.parts)
}

function orderOf(
  { world }: CommandContext,
  procedure: PolicyProcedureName,
  { source, backup, location, path, seed }: RunProcedureOptions,
): ProcedureOrder {
  const common = { backup, ...(location !== undefined && { location }) }
  switch (procedure) {
    case 'database-restore':
      return { procedure, order: { source: required(procedure, '--source', source), ...common } }
    case 'file-restore': {
      const paths = path.map((one) => resolve(world.workingDirectory, one))
      return { procedure, order: { source: required(procedure, '--source', source), paths, ...common } }
    }
    case 'restore-test':
      return { procedure, order: { ...(seed !== undefined && { seed }), ...(source !== undefined && { source }) } }
    default:
      throw new Failure('unsupported', `Cannot run "${procedure}": this version has only its description`)
  }
}

function required(procedure: string, option: string, value: string | undefined): string {
  if (value !== undefined) return value
  throw new Failure('usage', `Cannot run ${procedure}: ${option} is not given`)
}

function tellPlan({ output }: CommandContext, procedure: string, steps: readonly StepText[]): void {
  if (output.json) output.document({ message_type: 'procedure_plan', procedure, steps })
  else for (const [at, { name, does }] of steps.entries()) output.line(`${at + 1}. ${name}: ${does}`)
}

/** A step that failed proves nothing: exit 5, with what is to be done told. What kept the run from beginning is told as ever. */
async function ended(context: CommandContext, run: () => Promise<ProcedureEnd>): Promise<Outcome> {
  const { output, signal } = context
  try {
    const { id, outcome } = await run()
    const { isProven, summary, gaps, facts } = outcome
    if (output.json)
      output.document({ message_type: 'procedure_ended', run: id, proven: isProven, summary, gaps, ...facts })
    else {
      output.line(`${isProven ? 'proven' : 'NOT PROVEN'}: ${summary}`)
      for (const gap of gaps) output.line(`  ${gap}`)
    }
    return isProven ? 'done' : 'damaged'
  } catch (error) {
    if (signal.aborted || !isFailure(error) || error.code === 'refused' || error.code === 'usage') throw error
    const { message, hint, code } = describeFailure(error)
    if (output.json)
      output.document({ message_type: 'procedure_failed', proven: false, failure: code, message, hint: hint ?? null })
    output.problem({ during: 'procedure', item: code, message: hint === undefined ? message : `${message}. ${hint}` })
    return 'damaged'
  }
}
