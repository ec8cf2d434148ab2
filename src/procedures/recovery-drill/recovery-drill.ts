import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, type FailureCode, isFailure } from '../../base/failure.ts'
import type { Id } from '../../model/id.ts'
import { stepNames } from '../../model/procedures/policy-procedures.ts'
import type { RestorePhases } from '../../model/run.ts'
import { recoveryOrder } from '../../model/procedures/recovery-order.ts'
import type { SqliteSourcePolicy } from '../../model/policy/policy.ts'
import type { Installation } from '../installation.ts'
import { failedAssertions, failedValidations } from '../questions/question-fault.ts'
import { rebuildCatalog } from '../rebuild-catalog.ts'
import { chooseBackup } from '../restore/choose-backup.ts'
import { openBackup, type OpenedBackup } from '../restore/open-backup.ts'
import { readManifest } from '../restore/read-manifest.ts'
import { restorePhases } from '../restore/restore-phases.ts'
import { type RestoredContent, restorers } from '../restore/restore-source.ts'
import { type NegativeControl, negativeControl } from '../restore-test/negative-control.ts'
import { openTestEnvironment } from '../restore-test/test-environment.ts'
import type { ProcedureContext, ProcedureOutcome } from '../runs/procedure-context.ts'
import type { StepRunner } from '../step-runner.ts'
import type { DrillRoot, RecoveryDrillOrder } from './drill-root.ts'

const [loss, execute, measure, document] = stepNames('recovery-drill')
const differencesMax = 20

/** What became of one source. Plain JSON. */
interface SourceRecovered {
  readonly source: string
  readonly outcome: 'equal' | 'different' | 'not compared' | 'lost'
  readonly backup: Id | null
  /** ISO 8601. */
  readonly takenAt: string | null
  readonly bytes: number
  readonly durationMs: number
  /** Absent where it was not carried out to its end. */
  readonly phases?: RestorePhases
  readonly differences: readonly string[]
}

/** What was measured. Plain JSON. */
interface DrillMeasured {
  readonly durationMs: number
  readonly outcome: 'recovered' | 'failed'
  readonly points: readonly { readonly source: string; readonly recoveryPointMs: number | null }[]
  readonly gaps: readonly string[]
}

/**
 * The disaster recovery drill: in an empty folder, with nothing but one location and the keys, the catalog is rebuilt, every
 * source is restored in its order and compared with its manifest, and each part is timed; then what was restored is damaged,
 * and the comparison must find that. It is closed when a person has written the lessons learned. Nothing in production is
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
      inRoot(context, root, order, signal, (isolated) => recoverOne(context, { isolated, order, source }, signal)),
    )
    recovered.push(one)
  }
  const control = await step(`${execute!}: negative control`, (signal) =>
    inRoot(context, root, order, signal, (isolated) => controlOne(context, { isolated, order, recovered }, signal)),
  )
  const measured = await step(measure!, async () =>
    measureDrill(installation, { begun, rebuiltMs: rebuilt.durationMs, recovered, control }),
  )
  await step(document!, async () => {
    await root.forgetKeys(order)
    await documentDrill(context, root, { recovered, control, measured })
  })
  return outcomeOf(context, { recovered, control, measured, order })
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

interface SourceWork {
  readonly isolated: Installation
  readonly order: RecoveryDrillOrder
  readonly source: string
}

/** A server's files go where the user of the server can come to them; the rest below the root. */
function targetOf({ isolated, order, source }: SourceWork, run: string): string {
  const isServer = isolated.policy.sources[source]?.kind === 'postgresql'
  if (isServer) return join(isolated.programs.sharedFolder, `zakops-drill-${run}-${source}`)
  return join(order.into, 'restored', source)
}

/** What these say of a backup is the result of the drill. */
const findings: ReadonlySet<FailureCode> = new Set<FailureCode>([
  'repository_damaged',
  'object_missing',
  'not_proven',
  'snapshot_missing',
  'database_unreadable',
])

async function recoverOne(context: ProcedureContext, work: SourceWork, signal: AbortSignal): Promise<SourceRecovered> {
  const { isolated, source } = work
  const { clock, catalog, policy } = isolated
  const beginMs = clock.monotonicMs()
  const durationMs = (): number => Math.round(clock.monotonicMs() - beginMs)
  const target = targetOf(work, context.id)
  await rm(target, { recursive: true, force: true }) // Left by the same step, which was killed.
  await mkdir(target, { recursive: true, mode: 0o700 })
  const backups = (await catalog.backups({ source })).filter(({ environment }) => environment === policy.environment)
  if (backups.length === 0) {
    const differences = [`no backup of ${source} is at the location that is left`]
    return { source, outcome: 'lost', backup: null, takenAt: null, bytes: 0, durationMs: durationMs(), differences }
  }
  const backup = chooseBackup(source, backups, 'latest')
  const known = { source, backup: backup.id, takenAt: backup.takenAt.toISOString() }
  try {
    await using opened = await openBackup(isolated, { backup, location: 'primary' }, context.watch, signal)
    const openMs = durationMs()
    const restoreOrder = { run: context.id, source, backup: backup.id, location: 'primary', target } as const
    const content = await restorers[backup.sourceKind]({
      installation: isolated,
      opened,
      order: restoreOrder,
      watch: context.watch,
    })
    const comparingMs = durationMs()
    const { outcome, differences } = await compareRecovered(work, { opened, folder: target, content }, signal)
    const verifyMs = content.verifyMs + durationMs() - comparingMs
    const phases = restorePhases({ durationMs: durationMs(), openMs, verifyMs })
    const told = differences.slice(0, differencesMax)
    return { ...known, outcome, bytes: content.bytes, durationMs: durationMs(), phases, differences: told }
  } catch (error) {
    if (!isFailure(error) || !findings.has(error.code)) throw error
    return { ...known, outcome: 'different', bytes: 0, durationMs: durationMs(), differences: [error.message] }
  }
}

function questionsOf({ policy }: Installation, source: string): Pick<SqliteSourcePolicy, 'assertions' | 'validations'> {
  const known = policy.sources[source]!
  return { assertions: known.kind === 'files' ? [] : known.assertions, validations: known.validations }
}

/**
 * In what a restored source differs from its manifest and from what the policy asserts of it. Of the validations those are asked
 * that a database answers: by HTTP and command they would ask production.
 */
async function compareRecovered(
  { isolated, source }: SourceWork,
  restored: { readonly opened: OpenedBackup; readonly folder: string; readonly content: RestoredContent },
  signal: AbortSignal,
): Promise<Pick<RestoredContent, 'outcome' | 'differences'>> {
  const { opened, folder, content } = restored
  const expected = await readManifest(opened)
  if (content.outcome === 'different' || expected === undefined || expected.kind === 'files') return content
  const { assertions, validations } = questionsOf(isolated, source)
  await using environment = await openTestEnvironment({ installation: isolated, opened, source, folder, expected })
  // A SQLite database was compared as it was restored; only a server can tell what is in its files.
  const isCompared = content.outcome === 'equal'
  const found = isCompared ? [] : await environment.compare()
  const { ask } = environment
  const faults: string[] = []
  if (ask !== undefined && isCompared) faults.push(...(await failedAssertions(ask, assertions, signal)))
  if (ask !== undefined) faults.push(...(await failedValidations(ask, validations, signal)))
  const differences = [...found, ...faults]
  if (differences.length === 0) return { outcome: 'equal', differences }
  // What a bounded manifest differs in may have come between it and its backup.
  const isBounded = expected.kind === 'postgresql' && expected.view.state === 'bounded' && faults.length === 0
  return { outcome: isBounded ? 'not compared' : 'different', differences }
}

/** Damages the smallest source that came back equal; undefined where none did. */
async function controlOne(
  context: ProcedureContext,
  work: {
    readonly isolated: Installation
    readonly order: RecoveryDrillOrder
    readonly recovered: readonly SourceRecovered[]
  },
  signal: AbortSignal,
): Promise<(NegativeControl & { readonly source: string }) | undefined> {
  const { isolated, order, recovered } = work
  const [smallest] = recovered.filter(({ outcome }) => outcome === 'equal').toSorted((a, b) => a.bytes - b.bytes)
  if (smallest === undefined) return undefined
  const { source } = smallest
  const backup = (await isolated.catalog.backups({ source })).find(({ id }) => id === smallest.backup)!
  await using opened = await openBackup(isolated, { backup, location: 'primary' }, context.watch, signal)
  const expected = await readManifest(opened)
  if (expected === undefined) return undefined
  const folder = targetOf({ isolated, order, source }, context.id)
  await using environment = await openTestEnvironment({ installation: isolated, opened, source, folder, expected })
  const control = await negativeControl(environment)
  return { ...control, source }
}

/** What was reached, against what the policy promises. */
function measureDrill(
  { policy }: Installation,
  facts: {
    readonly begun: DrillBegun
    readonly rebuiltMs: number
    readonly recovered: readonly SourceRecovered[]
    readonly control: NegativeControl | undefined
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
  readonly control: (NegativeControl & { readonly source: string }) | undefined
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
  { recovered, control, measured, order }: DrillResult & { readonly order: RecoveryDrillOrder },
): ProcedureOutcome {
  const { durationMs, outcome, points, gaps } = measured
  const equal = recovered.filter((one) => one.outcome === 'equal').length
  return {
    isProven: gaps.length === 0,
    summary:
      `${outcome}: ${equal} of ${recovered.length} sources in ${Math.round(durationMs / 1000)} s, below ${order.into}; ` +
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
    },
  }
}
