import { Failure, isFailure } from '../base/failure.ts'
import type { RunBeginning, RunEnd } from '../model/run.ts'
import { runBackups } from '../procedures/backup/run-backups.ts'
import { verifyHeads } from '../procedures/evidence/verify-heads.ts'
import type { Installation, Watch } from '../procedures/installation.ts'
import { rotateIfDue } from '../procedures/keys/rotate-if-due.ts'
import { type GenerationReplicated, replicateAll } from '../procedures/replicate-all.ts'
import { restoreTest } from '../procedures/restore-test/restore-test.ts'
import { recordedSteps } from '../procedures/runs/recorded-steps.ts'
import type { StepResult, StepRunner } from '../procedures/step-runner.ts'
import { type RepositoryVerified, verifyAll } from '../procedures/verify-all.ts'
import { noProgress } from '../operations/progress.ts'
import type { DurableProcedure } from './durable-runs.ts'
import {
  type DueOrder,
  dueOrderOf,
  type ReplicateDueOrder,
  type RestoreTestDueOrder,
  type VerifyDueOrder,
} from './due-order.ts'
import { recordFailure } from './record-failure.ts'
import type { ServiceParts } from './service-parts.ts'

/** What the service does when it is due, by the name that is on disk. */
export function dueProcedures(parts: ServiceParts): Readonly<Record<DueOrder['procedure'], DurableProcedure>> {
  const watch: Watch = { progress: noProgress, notice: (text) => parts.tell({ kind: 'notice', text }) }
  const procedure =
    (name: DueOrder['procedure']): DurableProcedure =>
    async (input, step, signal) => {
      const due = dueOrderOf({ procedure: name, input })!
      try {
        await using opened = await parts.openInstallation()
        return await perform(opened.installation, due, step, watch)
      } catch (error) {
        // A run that was stopped goes on later. One that could not be done is an attempt that failed, and on record as such.
        if (!signal.aborted) await recordFailure(parts, due, error)
        throw error
      }
    }
  return {
    backup: procedure('backup'),
    verify: procedure('verify'),
    replicate: procedure('replicate'),
    'restore-test': procedure('restore-test'),
  }
}

async function perform(installation: Installation, due: DueOrder, step: StepRunner, watch: Watch): Promise<StepResult> {
  switch (due.procedure) {
    case 'backup':
      // The yearly rotation goes with a backup, so that the new generation begins with its own full ones.
      await step('rotate the key where it is due', (signal) => rotateIfDue(installation, watch, signal))
      await runBackups(installation, due.order, step, watch)
      return null
    case 'verify':
      return await verifyDue(installation, due.order, step, watch)
    case 'replicate':
      return await replicateDue(installation, due.order, step, watch)
    case 'restore-test':
      return await restoreTestDue(installation, due.order, step, watch)
    default:
      return due satisfies never
  }
}

/** Crash order: as of verifyDue(). What the test finds of a backup is its result; what could not be measured fails, and is tried again. */
async function restoreTestDue(
  installation: Installation,
  { id, dueAt }: RestoreTestDueOrder,
  step: StepRunner,
  watch: Watch,
): Promise<StepResult> {
  await step('begin', () => beginAgain(installation, { id, procedure: 'restore-test', dueAt: new Date(dueAt) }))
  const steps = recordedSteps(installation, id, step)
  const { facts, summary, gaps } = await restoreTest({ installation, id, run: id, watch }, {}, steps)
  await step('conclude', async () => {
    if (facts['outcome'] === 'not measured') throw new Failure('not_proven', `${summary}: ${gaps[0]}`)
    const endedAt = installation.clock.now()
    const end: RunEnd =
      gaps.length === 0 ? { state: 'done', endedAt, summary } : { state: 'gaps', endedAt, summary, gaps }
    await installation.catalog.endRun(id, end)
  })
  return null
}

/** Crash order: as of verifyDue(). */
async function replicateDue(
  installation: Installation,
  { id, dueAt }: ReplicateDueOrder,
  step: StepRunner,
  watch: Watch,
): Promise<StepResult> {
  await step('begin', () => beginAgain(installation, { id, procedure: 'replicate', dueAt: new Date(dueAt) }))
  const replicated = await step('replicate', (signal) =>
    replicateAll(installation, { fillEmpty: false, removed: new Set() }, watch, signal),
  )
  await step('conclude', () => installation.catalog.endRun(id, replicateEnd(installation, replicated)))
  return null
}

function replicateEnd({ clock }: Installation, replicated: readonly GenerationReplicated[]): RunEnd {
  const endedAt = clock.now()
  const gaps = replicated.flatMap(({ troubles }) => troubles)
  const copied = replicated.reduce((sum, { copiedObjects }) => sum + copiedObjects, 0)
  const summary = `copied ${copied} objects to the secondary location`
  return gaps.length === 0 ? { state: 'done', endedAt, summary } : { state: 'gaps', endedAt, summary, gaps }
}

/** Crash order: the run's beginning, what was verified (each repository on record by itself), the run's end. Each may be done twice. */
async function verifyDue(
  installation: Installation,
  order: VerifyDueOrder,
  step: StepRunner,
  watch: Watch,
): Promise<StepResult> {
  const dueAt = new Date(order.dueAt)
  await step('begin', () => beginAgain(installation, { id: order.id, procedure: 'verify', dueAt }))
  const verified = await step('verify', (signal) => {
    const { names: locations } = installation.locations
    const data = order.data === 'all' ? 'all' : 'rotating'
    return verifyAll(installation, { run: order.id, locations, data, week: dueAt }, watch, signal)
  })
  const { troubles } = await step('verify the signed heads', (signal) =>
    verifyHeads(installation, installation.locations.names, signal),
  )
  await step('conclude', () => installation.catalog.endRun(order.id, verifyEnd(installation, verified, troubles)))
  return null
}

async function beginAgain(
  { catalog, clock, process }: Installation,
  run: Pick<RunBeginning, 'id' | 'procedure'> & { readonly dueAt: Date },
): Promise<void> {
  const beginning = { ...run, trigger: 'schedule', source: undefined, process } as const
  try {
    await catalog.beginRun({ ...beginning, startedAt: clock.now() })
  } catch (error) {
    // The same run after a crash. One that has ended is refused again when it is to end.
    if (!isFailure(error, 'refused')) throw error
  }
}

/** What could not be read is not verified: that fails, and is tried again. What was read and is damaged is a finding. */
function verifyEnd(
  { clock }: Installation,
  verified: readonly RepositoryVerified[],
  troubles: readonly string[],
): RunEnd {
  const endedAt = clock.now()
  const unread = verified.find(({ state }) => state === 'not verified')
  if (unread !== undefined) {
    const message = unread.faults[0]?.detail ?? `${unread.location} could not be read`
    return { state: 'failed', endedAt, failure: 'storage_unreachable', message }
  }
  const summary = `verified ${verified.length} repositories`
  const gaps = verified
    .filter(({ state }) => state === 'damaged')
    .map(({ location, generation, faultsTotal }) => {
      return `${location} generation ${generation} is damaged (${faultsTotal} faults): run \`heal\``
    })
    .concat(troubles)
  return gaps.length === 0 ? { state: 'done', endedAt, summary } : { state: 'gaps', endedAt, summary, gaps }
}
