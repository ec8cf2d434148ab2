import type { PolicyProcedureName } from '../../model/procedures/policy-procedures.ts'
import { databaseRestore, type DatabaseRestoreOrder } from '../database-restore/database-restore.ts'
import { fileRestore, type FileRestoreOrder } from '../file-restore/file-restore.ts'
import { restoreTest, type RestoreTestOrder } from '../restore-test/restore-test.ts'
import type { StepRunner } from '../step-runner.ts'
import type { ProcedureContext, ProcedureOutcome } from './procedure-context.ts'

/** A procedure that a person runs, with what it is to do. The names are on disk with the orders. Plain JSON. */
export type ProcedureOrder =
  | { readonly procedure: 'database-restore'; readonly order: DatabaseRestoreOrder }
  | { readonly procedure: 'file-restore'; readonly order: FileRestoreOrder }
  | { readonly procedure: 'restore-test'; readonly order: RestoreTestOrder }

/** Those of the policy's procedures that a run can be made of. */
export type RunnableProcedure = ProcedureOrder['procedure'] & PolicyProcedureName

/** Does a procedure by its steps. */
export async function performProcedure(
  context: ProcedureContext,
  wanted: ProcedureOrder,
  step: StepRunner,
): Promise<ProcedureOutcome> {
  switch (wanted.procedure) {
    case 'database-restore':
      return await databaseRestore(context, wanted.order, step)
    case 'file-restore':
      return await fileRestore(context, wanted.order, step)
    case 'restore-test':
      return await restoreTest(context, wanted.order, step)
    default:
      return wanted satisfies never
  }
}
