import { policyProcedures, stepNames, type StepText } from '../../model/procedures/policy-procedures.ts'
import { recoveryOrder } from '../../model/procedures/recovery-order.ts'
import { databaseRestoreSteps, identifyBackup } from '../database-restore/database-restore.ts'
import { newFolderPath } from '../database-restore/data-folder-place.ts'
import { fileRestoreSteps, identifyFiles } from '../file-restore/file-restore.ts'
import { identifyPoint, pointInTimeSteps } from '../point-in-time-recovery/point-in-time-recovery.ts'
import { selectBackup } from '../restore-test/restore-test.ts'
import type { ProcedureContext } from './procedure-context.ts'
import type { ProcedureOrder } from './procedure-table.ts'

type PlanContext = Pick<ProcedureContext, 'installation' | 'id' | 'drillRoot'>

/** What each step of a run would do. Touches nothing. Failures of an order that can not be done, before anything is begun. */
export async function planProcedure(
  context: PlanContext,
  { procedure, order }: ProcedureOrder,
  signal: AbortSignal,
): Promise<readonly StepText[]> {
  const known = await details(context, { procedure, order } as ProcedureOrder, signal)
  return policyProcedures[procedure].steps.map(({ name, does }) => ({ name, does: known[name] ?? does }))
}

async function details(
  context: PlanContext,
  wanted: ProcedureOrder,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  switch (wanted.procedure) {
    case 'database-restore': {
      const [identify, , stop, restore, prove, start] = databaseRestoreSteps
      const point = await identifyBackup(context, wanted.order, signal)
      const { backup, takenAt, location, path, oldPath, services } = point
      const none = 'nothing: no service depends on this source'
      return {
        [identify!]: `backup ${backup.slice(0, 8)} of ${takenAt}, from ${location ?? 'the first location that has it'}${point.form === 'server' ? `; ${point.target}` : ''}`,
        [stop!]: services.length === 0 ? none : `stops ${services.join(', ')}`,
        ...(point.form === 'server'
          ? {
              [restore!]: `restores beside, as ${newFolderPath(path, context.id)}, and recovers it on a private server`,
              [prove!]: `compares it there with the manifest; then replaces ${path}, and the old one stays as ${oldPath}`,
            }
          : point.form === 'dumps'
            ? {
                [restore!]: `restores each database under a new name, beside ${path}`,
                [prove!]: `compares them there with the manifest; then renames, and the old ones stay as ${oldPath}`,
              }
            : { [restore!]: `replaces ${path}; the old one stays as ${oldPath}` }),
        [start!]:
          services.length === 0 ? none : `starts ${services.toReversed().join(', ')}, and waits until they are well`,
      }
    }
    case 'point-in-time-recovery': {
      const [identify, restore, apply] = pointInTimeSteps
      const { backup, timeline, target, logFiles } = await identifyPoint(context, wanted.order, signal)
      const { into, end } = wanted.order
      return {
        [identify!]: `${target}, on timeline ${timeline}; the stored log reaches it`,
        [restore!]: `restores backup ${backup.slice(0, 8)} into ${into}`,
        [apply!]: `replays at most ${logFiles} files of the log on a private server, and leaves it ${end}`,
      }
    }
    case 'file-restore': {
      const { paths } = identifyFiles(context, wanted.order)
      return { [fileRestoreSteps[0]!]: paths.join(', ') }
    }
    case 'restore-test': {
      const { backup, source, location, takenAt, seed, folder, candidates } = await selectBackup(context, wanted.order)
      const [select, restore] = stepNames('restore-test')
      return {
        [select!]: `${source} ${backup.slice(0, 8)} of ${takenAt}, ${location}; one of ${candidates}, by seed ${seed}`,
        [restore!]: `restores all of it into ${folder}`,
      }
    }
    case 'recovery-drill': {
      const [loss, execute, , document] = stepNames('recovery-drill')
      await context.drillRoot?.check(wanted.order, signal)
      const keys = wanted.order.keyringExport ?? `the shares ${wanted.order.shares.join(', ')}`
      const sources = recoveryOrder(context.installation.policy).join(', ')
      return {
        [loss!]: `begins in ${wanted.order.into} with the location that is left and the keys of ${keys}`,
        [execute!]: `rebuilds the catalog, then restores and compares ${sources}`,
        [document!]: `puts the drill on record; what was restored ${wanted.order.keep === true ? 'stays' : 'is removed where production has it still'}; a person adds the lessons afterwards`,
      }
    }
    default:
      return wanted satisfies never
  }
}
