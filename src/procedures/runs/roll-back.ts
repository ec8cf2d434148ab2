import type { ByteName } from '../../base/byte-name.ts'
import { Failure } from '../../base/failure.ts'
import { policyProcedures } from '../../model/procedures/policy-procedures.ts'
import type { StepState } from '../../model/procedures/step-history.ts'
import { putOldFolderBack } from '../database-restore/data-folder-place.ts'
import { databaseRestoreSteps, placeStep } from '../database-restore/database-restore.ts'
import { putDumpsBack } from '../database-restore/dumps-form.ts'
import type { IdentifiedBackup, IdentifiedDumps, IdentifiedServer } from '../database-restore/identified-backup.ts'
import { putOldBack } from '../database-restore/old-database.ts'
import { fileRestoreSteps, type MovedFile, putFilesBack } from '../file-restore/file-restore.ts'
import { movedSoFar, removePlaces, type TemporaryPlace, temporaryPlaces } from '../file-restore/move-into-place.ts'
import type { LocatedFiles } from '../file-restore/locate-files.ts'
import type { Installation } from '../installation.ts'
import { startServices, stopServices } from '../services/services.ts'
import type { StepRunner } from '../step-runner.ts'

/** What rolling a run back is to do. Plain data, from what is on record of its steps. */
export interface RollBackPlan {
  /** In which the old state is put back: they are stopped meanwhile, if they run. */
  readonly services: readonly string[]
  readonly action:
    | { readonly kind: 'database'; readonly path: string; readonly hadOld: boolean }
    | {
        readonly kind: 'data folder'
        readonly path: string
        readonly hadOld: boolean
        /** Whether the run began to put the restored one into place. */
        readonly isBegun: boolean
      }
    | {
        readonly kind: 'databases'
        readonly source: string
        readonly databases: IdentifiedDumps['databases']
        readonly isBegun: boolean
      }
    | {
        readonly kind: 'files'
        /** Undefined where the move began and did not end: then the disk says. */
        readonly moved: readonly MovedFile[] | undefined
        /** Absolute paths of what was restored aside, or may have been. */
        readonly entries: readonly ByteName[]
        /** Where it was restored to; undefined where that step did not end. */
        readonly places: readonly TemporaryPlace[] | undefined
      }
    | { readonly kind: 'nothing' }
  /** Sentences, for a person. */
  readonly does: readonly string[]
}

/** Decides what rolling back means after these steps. Failure `refused` where a run of this kind changes nothing in production. */
export function planRollBack({ procedure }: { readonly procedure: string }, steps: readonly StepState[]): RollBackPlan {
  const stateOf = (name: string | undefined): StepState | undefined => steps.find(({ step }) => step === name)
  if (procedure === 'database-restore') return planDatabase(stateOf)
  if (procedure === 'file-restore') {
    const [, locate, restore, , move] = fileRestoreSteps
    return planFiles(stateOf(locate), stateOf(restore), stateOf(move))
  }
  const title = Object.hasOwn(policyProcedures, procedure)
    ? policyProcedures[procedure as keyof typeof policyProcedures].title
    : procedure
  throw new Failure('refused', `Cannot roll back: a run of "${title}" changes nothing in production`)
}

function planDatabase(stateOf: (name: string | undefined) => StepState | undefined): RollBackPlan {
  const [identify, , stop, restore] = databaseRestoreSteps
  const point = stateOf(identify)?.result as IdentifiedBackup | undefined
  if (point === undefined || stateOf(stop) === undefined) {
    return { services: [], action: { kind: 'nothing' }, does: ['nothing in production was touched'] }
  }
  const { path, oldPath, services } = point
  const restored = stateOf(restore)
  const told = services.length === 0 ? [] : [`starts ${services.toReversed().join(', ')}`]
  if (restored === undefined) return { services, action: { kind: 'nothing' }, does: told }
  if (point.form === 'server') return planServer(point, stateOf(placeStep) !== undefined, told)
  if (point.form === 'dumps') return planDumps(point, stateOf(placeStep) !== undefined, told)
  const { result } = restored
  // Where the step did not end, a database that was there has its second name, if anything was done at all.
  const hadOld = result === undefined || (result as { readonly oldPath: string | null }).oldPath !== null
  const does = [
    ...(services.length === 0 ? [] : [`stops ${services.join(', ')}`]),
    hadOld ? `puts ${oldPath} back to ${path}, and keeps what is there now beside it` : `moves ${path} aside`,
    ...told,
  ]
  return { services, action: { kind: 'database', path, hadOld }, does }
}

function planServer(
  { path, oldPath, services, hadOld }: IdentifiedServer,
  isBegun: boolean,
  told: readonly string[],
): RollBackPlan {
  const back = hadOld ? `puts ${oldPath} back to ${path}, and keeps what is there now beside it` : `moves ${path} aside`
  const does = [
    ...(services.length === 0 ? [] : [`stops ${services.join(', ')}`]),
    isBegun ? back : `${path} was not touched; removes what was restored beside it`,
    ...told,
  ]
  return { services, action: { kind: 'data folder', path, hadOld, isBegun }, does }
}

function planDumps(
  { source, databases, path, oldPath, services }: IdentifiedDumps,
  isBegun: boolean,
  told: readonly string[],
): RollBackPlan {
  const does = [
    ...(services.length === 0 ? [] : [`stops ${services.join(', ')}`]),
    isBegun
      ? `gives ${oldPath} their names ${path} again, and keeps the restored ones beside`
      : `${path} was not touched; removes what was restored beside`,
    ...told,
  ]
  return { services, action: { kind: 'databases', source, databases, isBegun }, does }
}

function planFiles(
  located: StepState | undefined,
  restored: StepState | undefined,
  move: StepState | undefined,
): RollBackPlan {
  const entries = restored === undefined ? [] : ((located?.result as LocatedFiles | undefined)?.entries ?? [])
  const places = restored?.result as readonly TemporaryPlace[] | undefined
  const moved = move === undefined ? [] : (move.result as { readonly moved?: readonly MovedFile[] } | undefined)?.moved
  const does = [
    move === undefined
      ? 'nothing was moved into production'
      : moved === undefined
        ? `puts those of ${entries.length} entries back that were moved`
        : `puts ${moved.length} entries back as they were`,
    ...(entries.length > 0 && moved?.length !== entries.length ? ['removes what was restored aside'] : []),
  ]
  return { services: [], action: { kind: 'files', moved, entries, places }, does }
}

/** Answers how many entries were put back. May be run twice. */
function undoFiles(
  { workFolder }: Pick<Installation, 'workFolder'>,
  { run, action }: { readonly run: string; readonly action: Extract<RollBackPlan['action'], { kind: 'files' }> },
): number {
  // A restore that did not end moved nothing, so the places are as they were.
  const places = action.places ?? temporaryPlaces(action.entries, { workFolder, id: run })
  const count = putFilesBack(action.moved ?? movedSoFar(places, run), run)
  removePlaces(places)
  return count
}

/**
 * Puts the old state back as planned, and starts the services. May be run twice. The steps' names are those of the record.
 */
export async function rollBack(
  installation: Installation,
  { run, plan }: { readonly run: string; readonly plan: RollBackPlan },
  step: StepRunner,
): Promise<string> {
  const { services, action } = plan
  if (action.kind !== 'nothing' && services.length > 0) {
    await step('Stop dependent services', (signal) => stopServices(installation, services, signal))
  }
  const done = await step('Put the old state back', async (signal) => {
    if (action.kind === 'database') return putOldBack({ path: action.path, run, hadOld: action.hadOld })
    if (action.kind === 'data folder') return putOldFolderBack({ ...action, run })
    if (action.kind === 'databases') return await putDumpsBack(installation, action, signal)
    if (action.kind === 'files') return undoFiles(installation, { run, action }) > 0 ? 'put back' : 'as it was'
    return 'as it was'
  })
  if (services.length > 0) await step('Restart services', (signal) => startServices(installation, services, signal))
  const what = done === 'put back' ? 'the old state is back' : 'the old state was in place'
  return services.length === 0 ? what : `${what}, and ${services.toReversed().join(', ')} run`
}
