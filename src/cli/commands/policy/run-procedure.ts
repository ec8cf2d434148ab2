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
import { parseRecoveryTarget } from '../../../operations/recover/recovery-target.ts'
import type { DatabaseRestoreOrder } from '../../../procedures/database-restore/identified-backup.ts'
import { planProcedure } from '../../../procedures/runs/plan-procedure.ts'
import type { ProcedureOrder } from '../../../procedures/runs/procedure-table.ts'
import { openPolicy } from '../../access/open-policy.ts'
import { openPolicyCatalog } from '../../access/policy-keys.ts'
import { drillFacts } from '../../../model/procedures/drill-facts.ts'
import { findRun } from '../../../procedures/runs/find-run.ts'
import { openProcedures } from '../../access/open-procedures.ts'
import type { CommandContext } from '../../command-entry.ts'
import { describeFailure } from '../../describe-failure.ts'
import type { Outcome } from '../../outcome.ts'
import { newRunId } from './new-run-id.ts'
import { parseTablespaceMap, parseTimeline } from './recovery-options.ts'
import { watching } from './watching.ts'

export interface RunProcedureOptions {
  readonly source?: string
  readonly backup: string
  readonly location?: LocationName
  readonly path: readonly string[]
  readonly containing?: string
  readonly sha256?: string
  readonly seed?: string
  readonly into?: string
  readonly to?: string
  readonly timeline?: string
  readonly owner?: string
  readonly tablespaceMap: readonly string[]
  readonly promote?: true
  readonly share: readonly string[]
  readonly keyringExport?: string
  readonly keep?: true
  readonly confirm?: true
  readonly dryRun?: true
}

export async function runProcedure(
  context: CommandContext,
  procedure: PolicyProcedureName,
  options: RunProcedureOptions,
): Promise<Outcome> {
  const order = orderOf(context, procedure, options)
  const id = newRunId(context.world.random)
  return await withParts(context, options.confirm === true, async (parts) => {
    // Whatever makes the order impossible is said now, before there is a run.
    const plan = await planProcedure({ ...parts, id }, order, context.signal)
    if (options.dryRun === true) {
      tellPlan(context, procedure, plan)
      return 'done'
    }
    context.output.notice(`run ${id}`)
    return await ended(context, () => startProcedure(parts, { id, trigger: 'person', ...order }, context.signal))
  })
}

export async function resumeRun(
  context: CommandContext,
  name: string,
  options: { readonly confirm?: true },
): Promise<Outcome> {
  return await withParts(context, options.confirm === true, (parts) =>
    ended(context, () => resumeProcedure(parts, name, context.signal)),
  )
}

export async function rollBackRun(
  context: CommandContext,
  name: string,
  options: { readonly dryRun?: true },
): Promise<Outcome> {
  const { output, world, signal } = context
  return await withParts(context, true, async (parts) => {
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

/** A drill is closed when a person has written what was learned. */
export async function writeLessons(context: CommandContext, name: string, text: string): Promise<Outcome> {
  const { output, world } = context
  const { policy } = await openPolicy(context)
  await using catalog = await openPolicyCatalog(policy, world)
  const { id } = await findRun(catalog, name)
  if (text.trim() === '') throw new Failure('usage', 'Cannot write the lessons learned: the text is empty')
  if (!drillFacts(await catalog.evidence({ kinds: ['drill', 'lesson'] })).some(({ run }) => run === id)) {
    throw new Failure('usage', `Cannot write the lessons learned of "${id}": it is no drill that has ended`)
  }
  const actor = `${world.username}@${world.hostname}`
  await catalog.addEvidence({ at: world.clock.now(), kind: 'lesson', actor, facts: { run: id, text } })
  if (output.json) output.document({ message_type: 'lessons_written', run: id })
  else output.line(`the drill ${id} is closed`)
  return 'done'
}

async function withParts(
  context: CommandContext,
  isConfirmed: boolean,
  work: (parts: ProcedureParts) => Promise<Outcome>,
): Promise<Outcome> {
  await using watch = watching(context)
  await using opened = await openProcedures(context, watch, isConfirmed)
  return await work(opened.parts)
}

function orderOf(
  { world }: CommandContext,
  procedure: PolicyProcedureName,
  options: RunProcedureOptions,
): ProcedureOrder {
  const { source, backup, location, path, seed } = options
  const common = { backup, ...(location !== undefined && { location }) }
  switch (procedure) {
    case 'database-restore':
      return { procedure, order: { source: required(procedure, '--source', source), ...common, ...pointOf(options) } }
    case 'point-in-time-recovery': {
      parseRecoveryTarget(required(procedure, '--to', options.to))
      return {
        procedure,
        order: {
          source: required(procedure, '--source', source),
          to: options.to!,
          timeline: parseTimeline(options.timeline),
          into: resolve(world.workingDirectory, required(procedure, '--into', options.into)),
          ...(options.owner !== undefined && { owner: options.owner }),
          tablespaces: Object.fromEntries(parseTablespaceMap(options.tablespaceMap)),
          end: options.promote === true ? 'promoted' : 'paused',
        },
      }
    }
    case 'file-restore': {
      const paths = path.map((one) => resolve(world.workingDirectory, one))
      const content = {
        ...(options.containing !== undefined && { containing: options.containing }),
        ...(options.sha256 !== undefined && { sha256: options.sha256.toLowerCase() }),
      }
      return { procedure, order: { source: required(procedure, '--source', source), paths, ...common, ...content } }
    }
    case 'restore-test':
      return { procedure, order: { ...(seed !== undefined && { seed }), ...(source !== undefined && { source }) } }
    case 'recovery-drill': {
      const into = resolve(world.workingDirectory, required(procedure, '--into', options.into))
      const shares = options.share.map((one) => resolve(world.workingDirectory, one))
      const { keyringExport } = options
      if (keyringExport === undefined && shares.length === 0)
        required(procedure, '--share or --keyring-export', undefined)
      const exported = keyringExport !== undefined && { keyringExport: resolve(world.workingDirectory, keyringExport) }
      const kept = options.keep === true && { keep: true }
      return { procedure, order: { into, shares, ...exported, ...kept } }
    }
    default:
      return procedure satisfies never
  }
}

/** A point in time of database-restore. Failure `usage`. */
function pointOf({ to, timeline, owner, backup }: RunProcedureOptions): Partial<DatabaseRestoreOrder> {
  const named = owner === undefined ? {} : { owner }
  if (to === undefined) return named
  parseRecoveryTarget(to)
  if (backup === 'latest') return { to, timeline: parseTimeline(timeline), ...named }
  throw new Failure(
    'usage',
    'Cannot run database-restore with --backup and --to: the target says which backup is right',
  )
}

function required(procedure: string, option: string, value: string | undefined): string {
  if (value !== undefined) return value
  throw new Failure('usage', `Cannot run ${procedure}: ${option} is not given`)
}

function tellPlan({ output }: CommandContext, procedure: string, steps: readonly StepText[]): void {
  if (output.json) output.document({ message_type: 'procedure_plan', procedure, steps })
  else for (const [at, { name, does }] of steps.entries()) output.line(`${at + 1}. ${name}: ${does}`)
}

/** What is proven and has gaps, such as a newer backup that could not be searched, exits 3. A step that failed proves nothing: exit 5, with what is to be done told. What kept the run from beginning is told as ever. */
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
    return isProven ? (gaps.length === 0 ? 'done' : 'gaps') : 'damaged'
  } catch (error) {
    if (signal.aborted || !isFailure(error) || error.code === 'refused' || error.code === 'usage') throw error
    const { message, hint, code } = describeFailure(error)
    if (output.json)
      output.document({ message_type: 'procedure_failed', proven: false, failure: code, message, hint: hint ?? null })
    output.problem({ during: 'procedure', item: code, message: hint === undefined ? message : `${message}. ${hint}` })
    return 'damaged'
  }
}
