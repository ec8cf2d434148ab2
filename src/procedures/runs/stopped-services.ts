import { databaseRestoreSteps } from '../database-restore/database-restore.ts'
import type { IdentifiedBackup } from '../database-restore/identified-backup.ts'
import type { StepState } from '../../model/procedures/step-history.ts'

/** The services that a run has stopped, or has begun to, and not started again. */
export function stoppedServices(steps: readonly StepState[]): readonly string[] {
  const [identify, , stop, , , start] = databaseRestoreSteps
  const stateOf = (name: string | undefined): StepState | undefined => steps.find(({ step }) => step === name)
  if (stateOf(stop) === undefined || stateOf(start)?.state === 'done') return []
  return (stateOf(identify)?.result as IdentifiedBackup | undefined)?.services ?? []
}
