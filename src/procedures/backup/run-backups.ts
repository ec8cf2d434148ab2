import { Failure, isFailure } from '../../base/failure.ts'
import type { RunEnd } from '../../model/run.ts'
import type { Installation, Watch } from '../installation.ts'
import { storeHeads } from '../evidence/store-heads.ts'
import { replicateAll } from '../replicate-all.ts'
import { retainAll } from '../retention/retain-all.ts'
import type { StepRunner } from '../step-runner.ts'
import type { BackupOrder, BackupsOutcome, SourceOutcome } from './backup-order.ts'
import { backUpSource } from './back-up-source.ts'

/**
 * The backup procedure: backs up each source of an order, copies all to the secondary location, applies retention,
 * stores the signed heads of the evidence, and puts the outcome on record. A source that fails does not keep the others from being backed up.
 *
 * Crash order: each source's snapshot is its commit point. A run that goes on after a crash finds it by the run's
 * name and does not take it again; copying and retention go on from what is stored.
 */
export async function runBackups(
  installation: Installation,
  order: BackupOrder,
  step: StepRunner,
  watch: Watch,
): Promise<BackupsOutcome> {
  requireKnown(installation, order)
  const outcomes: SourceOutcome[] = []
  for (const source of order.sources) {
    outcomes.push(await step(`back up ${source}`, (signal) => backUpStep(installation, order, source, watch, signal)))
  }
  const replicated = await step('replicate', (signal) =>
    replicateAll(installation, { fillEmpty: false, removed: new Set() }, watch, signal),
  )
  const stored = outcomes.filter(({ state }) => state === 'stored').map(({ source }) => source)
  const retained = await step('retain', (signal) => retainAll(installation, stored, watch, signal))
  const kept = await step('store signed heads', async (signal) => {
    const { troubles: unstored } = await storeHeads(installation, 'newest', signal)
    return { troubles: unstored }
  })
  const troubles = [...replicated, retained, kept].flatMap((part) => part.troubles)
  return await step('conclude', () => conclude(installation, order, outcomes, troubles))
}

/** The name of the run of one source of an order. */
export function runOf(order: Pick<BackupOrder, 'id'>, source: string): string {
  return `${order.id}:${source}`
}

function requireKnown({ policy }: Installation, { sources }: BackupOrder): void {
  const unknown = sources.find((source) => !Object.hasOwn(policy.sources, source))
  if (unknown === undefined) return
  const known = Object.keys(policy.sources).join(', ')
  throw new Failure('usage', `Cannot back up "${unknown}": the policy has no source of this name, only ${known}`)
}

async function backUpStep(
  installation: Installation,
  order: BackupOrder,
  source: string,
  watch: Watch,
  signal: AbortSignal,
): Promise<SourceOutcome> {
  const { catalog, clock, process } = installation
  const id = runOf(order, source)
  const dueAt = order.dueAt === undefined ? undefined : new Date(order.dueAt)
  const beginning = { id, procedure: 'backup', trigger: order.trigger, source, dueAt, process } as const
  try {
    await catalog.beginRun({ ...beginning, startedAt: clock.now() })
  } catch (error) {
    // The same run after a crash; one that ended is not begun again.
    if (!isFailure(error, 'refused') || (await hasEnded(installation, id, source))) throw error
  }
  try {
    return await backUpSource(installation, { run: id, source, kind: order.kind }, watch, signal)
  } catch (error) {
    if (signal.aborted || !isFailure(error)) throw error // Stopped: it goes on later. A defect: for whoever runs the steps.
    const { code, message, facts } = error
    return { state: 'failed', source, failure: code, message, hint: facts['hint']?.toString() }
  }
}

async function hasEnded({ catalog }: Installation, id: string, source: string): Promise<boolean> {
  const run = (await catalog.runs({ source, procedure: 'backup' })).find((one) => one.id === id)
  return run !== undefined && run.state !== 'running' && run.state !== 'lost'
}

async function conclude(
  installation: Installation,
  order: BackupOrder,
  outcomes: readonly SourceOutcome[],
  troubles: readonly string[],
): Promise<BackupsOutcome> {
  const { catalog, locations } = installation
  const sources = []
  for (const outcome of outcomes) {
    const copies =
      outcome.state === 'stored' ? (await catalog.copies(outcome.snapshot)).map(({ location }) => location) : []
    const missing = outcome.state === 'stored' ? locations.names.filter((name) => !copies.includes(name)) : []
    await endRun(installation, runOf(order, outcome.source), outcome.source, () =>
      endOf(installation, outcome, missing, troubles),
    )
    sources.push({ ...outcome, copies })
  }
  return { sources, troubles }
}

/** A crash right after the end was put on record has this step run again, at another time: the first end stays. */
async function endRun(installation: Installation, id: string, source: string, end: () => RunEnd): Promise<void> {
  if (await hasEnded(installation, id, source)) return
  await installation.catalog.endRun(id, end())
}

function endOf(
  { clock }: Installation,
  outcome: SourceOutcome,
  missing: readonly string[],
  troubles: readonly string[],
): RunEnd {
  const endedAt = clock.now()
  if (outcome.state === 'failed')
    return { state: 'failed', endedAt, failure: outcome.failure, message: outcome.message }
  const summary = `${outcome.kind} ${outcome.snapshot.slice(0, 8)}: ${outcome.files} files, ${outcome.bytes} bytes`
  const gaps = [
    ...outcome.gaps.map(({ path, reason }) => `${reason}: ${path}`),
    // Taken over after a crash it says how many paths are missing, and not which.
    ...(outcome.gapsTotal > outcome.gaps.length
      ? [`${outcome.gapsTotal - outcome.gaps.length} more paths are missing`]
      : []),
    ...missing.map((location) => `not at the ${location} location yet`),
    ...troubles,
  ]
  return gaps.length === 0 ? { state: 'done', endedAt, summary } : { state: 'gaps', endedAt, summary, gaps }
}
