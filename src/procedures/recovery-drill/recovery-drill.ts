import { Failure } from '../../base/failure.ts'
import { stepNames } from '../../model/procedures/policy-procedures.ts'
import { recoveryOrder } from '../../model/procedures/recovery-order.ts'
import type { Installation } from '../installation.ts'
import { rebuildCatalog } from '../rebuild-catalog.ts'
import type { ProcedureContext, ProcedureOutcome } from '../runs/procedure-context.ts'
import type { StepRunner } from '../step-runner.ts'
import { controlDrill, type DrillControl } from './control-drill.ts'
import { copiesOfProduction, type DrillLeft, removeCopies } from './drill-copies.ts'
import type { DrillRoot, RecoveryDrillOrder } from './drill-root.ts'
import { recoverSource } from './recover-source.ts'
import type { SourceRecovered } from './source-recovered.ts'

export const recoveryDrillSteps = stepNames('recovery-drill')
const [loss, execute, measure, document] = recoveryDrillSteps
const lookStep = `${execute!}: look at production`
const controlStep = `${execute!}: negative control`
const removeStep = `${document!}: remove what was restored`

/** What was measured. Plain JSON. */
interface DrillMeasured {
  readonly durationMs: number
  readonly outcome: 'recovered' | 'failed'
  readonly points: readonly { readonly source: string; readonly recoveryPointMs: number | null }[]
  readonly gaps: readonly string[]
}

/**
 * The disaster recovery drill: in an empty folder, with nothing but one location and the keys, the catalog is rebuilt, every
 * source is restored in its order and compared with its manifest, and each part is timed; then a copy is damaged, and the
 * comparison must find that. What came back equal and production has still is removed at the end: it is confidential, and lies in
 * the open. Anything else stays. The drill is closed when a person has written the lessons learned. Nothing in production is
 * touched, and nothing at the location but its locks. Each step may run twice.
 */
export async function recoveryDrill(
  context: ProcedureContext,
  order: RecoveryDrillOrder,
  step: StepRunner,
): Promise<ProcedureOutcome> {
  const { installation } = context
  const root = requireRoot(context)
  const begun = await step(loss!, (signal) => loseEverything(context, root, order, signal))
  const rebuilt = await step(`${execute!}: rebuild the catalog`, (signal) =>
    inRoot(context, root, order, signal, (isolated) => rebuild(isolated, context, signal)),
  )
  const recovered: SourceRecovered[] = []
  for (const source of recoveryOrder(installation.policy)) {
    const one = await step(`${execute!}: restore ${source}`, (signal) =>
      inRoot(context, root, order, signal, (isolated) => recoverSource(context, { isolated, order, source }, signal)),
    )
    recovered.push(one)
  }
  const copies = await step(lookStep, async (signal) =>
    order.keep === true ? [] : await copiesOfProduction(installation, { order, run: context.id, recovered }, signal),
  )
  const control = await step(controlStep, (signal) =>
    inRoot(context, root, order, signal, (isolated) =>
      controlDrill(context, { isolated, order, recovered, copies }, signal),
    ),
  )
  const measured = await step(measure!, async () =>
    measureDrill(installation, { begun, rebuiltMs: rebuilt.durationMs, recovered, control }),
  )
  await step(document!, async () => {
    await root.forgetKeys(order)
    await documentDrill(context, root, { recovered, control, measured })
  })
  const left = await step(removeStep, () => {
    const drill = { order, run: context.id, emptyRoot: () => root.empty(order) }
    // What differs stays to be looked at.
    const equal = recovered.filter(({ outcome, source }) => outcome === 'equal' && copies.includes(source))
    return removeCopies(installation, drill, { copies: equal.map(({ source }) => source), recovered })
  })
  return outcomeOf(context, { recovered, control, measured, left })
}

function requireRoot({ drillRoot }: ProcedureContext): DrillRoot {
  if (drillRoot === undefined) throw new Failure('defect', 'Cannot hold a drill: there is no root for it')
  return drillRoot
}

interface DrillBegun {
  /** ISO 8601: when everything was lost. */
  readonly lostAt: string
  readonly durationMs: number
}

async function loseEverything(
  { installation, id }: ProcedureContext,
  root: DrillRoot,
  order: RecoveryDrillOrder,
  signal: AbortSignal,
): Promise<DrillBegun> {
  const { clock } = installation
  const beginMs = clock.monotonicMs()
  const lostAt = clock.now().toISOString()
  await root.make(id, order, signal)
  return { lostAt, durationMs: Math.round(clock.monotonicMs() - beginMs) }
}

async function inRoot<Answer>(
  _context: ProcedureContext,
  root: DrillRoot,
  order: RecoveryDrillOrder,
  signal: AbortSignal,
  work: (isolated: Installation) => Promise<Answer>,
): Promise<Answer> {
  await using opened = await root.open(order, signal)
  return await work(opened.installation)
}

async function rebuild(
  isolated: Installation,
  { watch }: ProcedureContext,
  signal: AbortSignal,
): Promise<{ readonly backups: number; readonly durationMs: number }> {
  const { clock } = isolated
  const beginMs = clock.monotonicMs()
  const { backups, unread } = await rebuildCatalog(isolated, { partly: false }, watch, signal)
  const [first] = unread
  if (first !== undefined) {
    throw new Failure(
      'not_proven',
      `Cannot read generation ${first.generation} of the location that is left: ${first.detail}`,
    )
  }
  return { backups: backups.length, durationMs: Math.round(clock.monotonicMs() - beginMs) }
}

/** What was reached, against what the policy promises. */
function measureDrill(
  { policy }: Installation,
  facts: {
    readonly begun: DrillBegun
    readonly rebuiltMs: number
    readonly recovered: readonly SourceRecovered[]
    readonly control: DrillControl | undefined
  },
): DrillMeasured {
  const { begun, rebuiltMs, recovered, control } = facts
  const { recoveryTime, recoveryPoint } = policy.objectives
  const durationMs = begun.durationMs + rebuiltMs + recovered.reduce((sum, one) => sum + one.durationMs, 0)
  const points = recovered.map(({ source, takenAt }) => ({
    source,
    recoveryPointMs: takenAt === null ? null : Date.parse(begun.lostAt) - Date.parse(takenAt),
  }))
  const unproven = recovered.filter(({ outcome }) => outcome !== 'equal')
  const isControlled = control?.outcome === 'rejected'
  const gaps = [
    ...unproven.map(({ source, outcome, differences }) => `${source}: ${outcome}: ${differences[0] ?? ''}`),
    ...(isControlled ? [] : ['not measured: the comparison was not shown to find damage']),
    ...(durationMs > recoveryTime ? [`recovery took ${durationMs} ms, the policy promises ${recoveryTime} ms`] : []),
    ...points.flatMap(({ source, recoveryPointMs }) =>
      recoveryPointMs !== null && recoveryPointMs > recoveryPoint
        ? [`${source}: ${recoveryPointMs} ms of work would be lost, the policy promises ${recoveryPoint} ms`]
        : [],
    ),
  ]
  const outcome = unproven.length === 0 && isControlled ? 'recovered' : 'failed'
  return { durationMs, outcome, points, gaps }
}

interface DrillResult {
  readonly recovered: readonly SourceRecovered[]
  readonly control: DrillControl | undefined
  readonly measured: DrillMeasured
}

/** The proofs, then the drill itself, on record in the installation: not in the isolated root, which goes away. */
async function documentDrill(
  { installation, id, run }: ProcedureContext,
  { location }: DrillRoot,
  { recovered, control, measured }: DrillResult,
): Promise<void> {
  const { catalog, clock, host, policy } = installation
  const known = new Set((await catalog.proofs()).filter((proof) => proof.run === run).map(({ source }) => source))
  for (const { source, backup, outcome, durationMs, phases } of recovered) {
    if (backup === null || known.has(source) || (outcome !== 'equal' && outcome !== 'different')) continue
    if (measured.outcome === 'failed' && outcome === 'equal') continue // Not shown to be measured.
    await catalog.addProof({ run, at: clock.now(), backup, source, location, outcome, durationMs, phases })
  }
  const told = (await catalog.evidence({ kinds: ['drill'] })).some(({ facts }) => facts['run'] === id)
  if (told) return
  const facts = {
    run: id,
    location,
    ...measured,
    objectives: policy.objectives,
    sources: recovered,
    control: control ?? null,
  }
  await catalog.addEvidence({ at: clock.now(), kind: 'drill', actor: `${host.username}@${host.hostname}`, facts })
}

function outcomeOf(
  { id }: ProcedureContext,
  { recovered, control, measured, left }: DrillResult & { readonly left: DrillLeft },
): ProcedureOutcome {
  const { durationMs, outcome, points, gaps } = measured
  const equal = recovered.filter((one) => one.outcome === 'equal').length
  return {
    isProven: gaps.length === 0,
    summary:
      `${outcome}: ${equal} of ${recovered.length} sources in ${Math.round(durationMs / 1000)} s; ${leftText(left)}; ` +
      `it is closed by \`procedure drill-lessons ${id} --text …\``,
    gaps,
    facts: {
      outcome,
      durationMs,
      sources: recovered.map(({ phases, ...one }) => ({
        ...one,
        differences: [...one.differences],
        phases: phases && { ...phases },
      })),
      points: points.map((one) => ({ ...one })),
      negativeControl: control === undefined ? null : { ...control },
      removed: [...left.removed],
      kept: left.kept.map((one) => ({ ...one })),
    },
  }
}

function leftText({ removed, kept }: DrillLeft): string {
  const gone = removed.length === 0 ? [] : [`what was restored of ${removed.join(', ')} is removed`]
  const there = kept.map(({ source, folder }) => `${source} stays in ${folder}`)
  return [...gone, ...there].join(', ') || 'nothing was restored'
}
