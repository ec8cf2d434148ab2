import { isRunProcessAlive } from '../../../catalog/run-process.ts'
import { policyProcedureNames, policyProcedures } from '../../../model/procedures/policy-procedures.ts'
import { describeInterruption, interruptionOf } from '../../../procedures/runs/interrupted-runs.ts'
import { findRun, procedureRuns, type ProcedureRun, stepsOfRun } from '../../../procedures/runs/find-run.ts'
import { openPolicy } from '../../access/open-policy.ts'
import { openPolicyCatalog } from '../../access/policy-keys.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatDuration } from '../../output/format-duration.ts'
import { textTable } from '../../output/text-table.ts'

export function listProcedures({ output }: CommandContext): Outcome {
  for (const name of policyProcedureNames) {
    const { title, summary, steps } = policyProcedures[name]
    if (output.json) output.document({ message_type: 'procedure', name, title, summary, steps })
    else output.line(`${name.padEnd(24)}  ${summary} (${title}, ${steps.length} steps)`)
  }
  return 'done'
}

export async function showProcedure(context: CommandContext, name: string): Promise<Outcome> {
  const known = policyProcedureNames.find((one) => one === name)
  if (known === undefined) return await showRun(context, name)
  const { output } = context
  const { title, summary, steps } = policyProcedures[known]
  if (output.json) output.document({ message_type: 'procedure', name, title, summary, steps })
  else {
    output.line(`${title}: ${summary}`)
    for (const [at, step] of steps.entries()) output.line(`  ${at + 1}. ${step.name}: ${step.does}`)
  }
  return 'done'
}

async function showRun(context: CommandContext, name: string): Promise<Outcome> {
  const { output, world } = context
  const { policy } = await openPolicy(context)
  await using catalog = await openPolicyCatalog(policy, world)
  const run = await findRun(catalog, name)
  const steps = await stepsOfRun(catalog, run)
  const interrupted = await interruptionOf(catalog, run, (process) => isRunProcessAlive(process, world.hostname))
  if (output.json) {
    output.document({
      ...documentOf(run),
      stopped_services: interrupted?.stopped ?? [],
      steps: steps.map(({ step, state, at, durationMs, message, result }) => ({
        step,
        state,
        at,
        duration_ms: durationMs ?? null,
        message: message ?? null,
        result: result ?? null,
      })),
    })
    return 'done'
  }
  output.line(
    `${run.id}: ${policyProcedures[run.procedure].title}${run.source === undefined ? '' : ` of ${run.source}`}`,
  )
  for (const { step, state, at, durationMs, message } of steps) {
    const took = durationMs === undefined ? '' : ` in ${formatDuration(durationMs / 1000)}`
    output.line(
      `  ${state.padEnd(6)}  ${at.toISOString()}  ${step}${took}${message === undefined ? '' : `: ${message}`}`,
    )
  }
  for (const line of endLines(run)) output.line(line)
  if (interrupted !== undefined) output.line(describeInterruption(interrupted))
  return 'done'
}

export async function showHistory(context: CommandContext): Promise<Outcome> {
  const { output, world } = context
  const { policy } = await openPolicy(context)
  await using catalog = await openPolicyCatalog(policy, world)
  const runs = await procedureRuns(catalog)
  if (output.json) {
    for (const run of runs) output.document(documentOf(run))
    return 'done'
  }
  const columns = [
    { title: 'Run' },
    { title: 'Procedure' },
    { title: 'Source' },
    { title: 'Began' },
    { title: 'State' },
  ] as const
  const rows = runs.map(({ id, procedure, source, tries, rolledBackAt }) => [
    id,
    procedure,
    source ?? '',
    tries[0]!.startedAt.toISOString(),
    rolledBackAt === undefined ? tries.at(-1)!.state : `${tries.at(-1)!.state}, rolled back`,
  ])
  for (const line of textTable(columns, rows)) output.line(line)
  return 'done'
}

function endLines({ tries, rolledBackAt }: ProcedureRun): string[] {
  const ends = tries.map((one) => {
    if (one.state === 'done' || one.state === 'gaps') return `${one.state}: ${one.summary}`
    return one.state === 'failed' ? `failed (${one.failure}): ${one.message}` : one.state
  })
  return rolledBackAt === undefined ? ends : [...ends, `rolled back: ${rolledBackAt.toISOString()}`]
}

function documentOf(run: ProcedureRun): Record<string, unknown> {
  const last = run.tries.at(-1)!
  return {
    message_type: 'procedure_run',
    run: run.id,
    procedure: run.procedure,
    source: run.source ?? null,
    tries: run.tries.length,
    started_at: run.tries[0]!.startedAt,
    ended_at: last.state === 'running' ? null : last.endedAt,
    state: last.state,
    rolled_back_at: run.rolledBackAt ?? null,
    summary: last.state === 'done' || last.state === 'gaps' ? last.summary : null,
    message: last.state === 'failed' ? last.message : null,
  }
}
