import { databaseRestore } from '../database-restore/database-restore.ts'
import type { DatabaseRestoreOrder } from '../database-restore/identified-backup.ts'
import { fileRestore, type FileRestoreOrder } from '../file-restore/file-restore.ts'
import { pointInTimeRecovery, type PointInTimeOrder } from '../point-in-time-recovery/point-in-time-recovery.ts'
import type { RecoveryDrillOrder } from '../recovery-drill/drill-root.ts'
import { recoveryDrill } from '../recovery-drill/recovery-drill.ts'
import { restoreTest, type RestoreTestOrder } from '../restore-test/restore-test.ts'
import type { StepRunner } from '../step-runner.ts'
import type { ProcedureContext, ProcedureOutcome } from './procedure-context.ts'

/** A procedure that a person runs, with what it is to do. The names are on disk with the orders. Plain JSON. */
export type ProcedureOrder =
  | { readonly procedure: 'database-restore'; readonly order: DatabaseRestoreOrder }
  | { readonly procedure: 'point-in-time-recovery'; readonly order: PointInTimeOrder }
  | { readonly procedure: 'file-restore'; readonly order: FileRestoreOrder }
  | { readonly procedure: 'restore-test'; readonly order: RestoreTestOrder }
  | { readonly procedure: 'recovery-drill'; readonly order: RecoveryDrillOrder }

/** Does a procedure by its steps. */
export async function performProcedure(
  context: ProcedureContext,
  wanted: ProcedureOrder,
  step: StepRunner,
): Promise<ProcedureOutcome> {
  switch (wanted.procedure) {
    case 'database-restore':
      return await databaseRestore(context, wanted.order, step)
    case 'point-in-time-recovery':
      return await pointInTimeRecovery(context, wanted.order, step)
    case 'file-restore':
      return await fileRestore(context, wanted.order, step)
    case 'restore-test':
      return await restoreTest(context, wanted.order, step)
    case 'recovery-drill':
      return await recoveryDrill(context, wanted.order, step)
    default:
      return wanted satisfies never
  }
}
