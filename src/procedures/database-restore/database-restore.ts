import { Failure } from '../../base/failure.ts'
import { stepNames } from '../../model/procedures/policy-procedures.ts'
import { verifySnapshot } from '../../operations/verify-snapshot.ts'
import type { Watch } from '../installation.ts'
import type { ProcedureContext, ProcedureOutcome } from '../runs/procedure-context.ts'
import { startServices, stopServices } from '../services/services.ts'
import { validateSource } from '../services/validate-source.ts'
import type { StepRunner } from '../step-runner.ts'
import type { DatabaseForm, ProvenDatabase, RestoredDatabase } from './database-form.ts'
import { fileForm, identifyFile } from './file-form.ts'
import { type DatabaseRestoreOrder, type IdentifiedBackup, withBackup } from './identified-backup.ts'
import { identifyServer } from './identify-server.ts'
import { serverForm } from './server-form.ts'

export const databaseRestoreSteps = stepNames('database-restore')
const prove = databaseRestoreSteps[4]!
/** Where the restored database is proven before it takes the place of the old one. */
export const placeStep = `${prove}: put into place`

/**
 * Database restore, step by step as the policy document has it. Each step may run twice; between steps nothing is done. What was
 * in production before is moved aside and stays. A step that fails throws: what is stopped then stays stopped until the
 * run is resumed or rolled back, which its failure says.
 *
 * Crash order: until "Restore database from backup" nothing in production but the services is touched. A database in a file is
 * put into place by that step and proven there; a server is restored beside, proven there, and only then put into place. Either
 * way the old database or the new one is whole at every moment; see fileForm() and serverForm() for their commit points.
 */
export async function databaseRestore(
  context: ProcedureContext,
  order: DatabaseRestoreOrder,
  step: StepRunner,
): Promise<ProcedureOutcome> {
  const { installation } = context
  const [identify, verify, stop, restore, , start, validate] = databaseRestoreSteps
  const point = await step(identify!, (signal) => identifyBackup(context, order, signal))
  const form = formOf(point, order)
  const checked = await step(verify!, (signal) => verifyObjects(context, { point, form }, signal))
  await step(stop!, async (signal) => {
    await stopServices(installation, point.services, signal)
    return point.services
  })
  const restored = await step(restore!, (signal) => form.restore(context, signal))
  const proven = await step(prove, (signal) => form.prove(context, restored, signal))
  const oldPath =
    form.place === undefined
      ? restored.oldPath
      : await step(placeStep, async (signal) => (await form.place?.(context, restored, signal)) ?? null)
  await step(start!, async (signal) => {
    await startServices(installation, point.services, signal)
    return point.services.toReversed()
  })
  const ask = form.ask(context)
  const validated = await step(validate!, (signal) => validateSource(installation, point.source, ask, signal))
  return outcomeOf({ point, restored: { ...restored, oldPath: oldPath ?? null }, proven, checked, validated })
}

function outcomeOf(found: {
  readonly point: IdentifiedBackup
  readonly restored: RestoredDatabase
  readonly proven: ProvenDatabase
  readonly checked: { readonly packs: number; readonly logFiles: number }
  readonly validated: number
}): ProcedureOutcome {
  const { point, restored, proven, checked, validated } = found
  const id = point.backup.slice(0, 8)
  const old = typeof restored.oldPath === 'string' ? `the old one is ${restored.oldPath}` : 'there was none before'
  const isLater = point.form === 'server' && point.to !== null
  const state = isLater
    ? `stands at ${point.target}, from backup ${id} of ${point.takenAt}`
    : `is as backup ${id} of ${point.takenAt} has it`
  const timeline =
    restored.timeline === undefined ? '' : `; it is on timeline ${restored.timeline} now: take a full backup`
  return {
    // What was asked for beyond the backup was verified as it was reached; what a bounded manifest leaves open was not.
    isProven: proven.outcome === 'equal' || isLater,
    summary: `${point.source} ${state}; ${old}${timeline}`,
    gaps: proven.doubts.map((doubt) => `the manifest is bounded, and this differs: ${doubt}`),
    facts: {
      ...point,
      location: restored.location,
      objectsVerified: checked.packs + checked.logFiles,
      outcome: proven.outcome,
      oldPath: restored.oldPath ?? null,
      bytes: restored.bytes,
      validated,
      ...(restored.timeline !== undefined && { timeline: restored.timeline }),
    },
  }
}

/** Decides what to restore, and touches nothing. Failures `usage` and those of each form. */
export async function identifyBackup(
  context: Pick<ProcedureContext, 'installation' | 'id'> & { readonly watch?: Watch },
  order: DatabaseRestoreOrder,
  signal: AbortSignal,
): Promise<IdentifiedBackup> {
  const { policy, locations } = context.installation
  const { source, location, to } = order
  const known = Object.hasOwn(policy.sources, source) ? policy.sources[source] : undefined
  if (location !== undefined) locations.placeOf(location)
  if (known?.kind === 'sqlite') {
    if (to === undefined) return await identifyFile(context, known, order)
    throw new Failure(
      'usage',
      `Cannot restore database "${source}" to "${to}": only PostgreSQL keeps a log to recover by`,
    )
  }
  if (known?.kind === 'postgresql' && known.mode === 'physical') {
    return await identifyServer({ ...context, watch: context.watch ?? silent }, known, order, signal)
  }
  throw noDatabase(source, known?.kind)
}

const silent: Watch = { progress: () => {}, notice: () => {} }

function noDatabase(source: string, kind: string | undefined): Failure {
  const found = kind === undefined ? 'the policy has no source of this name' : `it is a source of ${kind}`
  const hint = kind === 'files' ? 'Use `procedure run file-restore`' : '`policy show` lists the sources'
  const wanted = kind === 'postgresql' ? 'one of mode `physical`, or SQLite' : 'one of SQLite or PostgreSQL'
  return new Failure('usage', `Cannot restore database "${source}": ${found}, expected ${wanted}`, {
    facts: { hint: kind === 'postgresql' ? `\`restore ${source} --to FOLDER\` brings its dumps back` : hint },
  })
}

function formOf(point: IdentifiedBackup, { timeline = 'latest' }: DatabaseRestoreOrder): DatabaseForm {
  return point.form === 'server' ? serverForm(point, timeline) : fileForm(point)
}

async function verifyObjects(
  context: ProcedureContext,
  { point, form }: { readonly point: IdentifiedBackup; readonly form: DatabaseForm },
  signal: AbortSignal,
): Promise<{ readonly packs: number; readonly bytes: number; readonly logFiles: number }> {
  const { packs, bytes } = await withBackup(context, point, signal, (opened) =>
    verifySnapshot(opened.repository, opened.snapshot, opened.signal),
  )
  return { packs, bytes, logFiles: (await form.verifyMore?.(context, signal)) ?? 0 }
}
