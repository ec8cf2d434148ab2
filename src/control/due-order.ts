import type { BackupOrder } from '../procedures/backup/backup-order.ts'
import { runOf } from '../procedures/backup/run-backups.ts'
import type { DurableRun } from './durable-runs.ts'
import type { DueRun } from './due-runs.ts'

/** What a due verification is to do. Plain JSON. */
export interface VerifyDueOrder {
  readonly id: string
  /** ISO 8601. */
  readonly dueAt: string
  readonly data: 'part' | 'all'
}

/** What catching up off-site is to do. Plain JSON. */
export type ReplicateDueOrder = Pick<VerifyDueOrder, 'id' | 'dueAt'>

/** What a due restore test is to do. Plain JSON. */
export type RestoreTestDueOrder = Pick<VerifyDueOrder, 'id' | 'dueAt'>

/** The procedures that come due. The names are on disk with the orders: who changes an order's form gives it a new name. */
export type DueOrder =
  | { readonly procedure: 'backup'; readonly order: BackupOrder }
  | { readonly procedure: 'verify'; readonly order: VerifyDueOrder }
  | { readonly procedure: 'replicate'; readonly order: ReplicateDueOrder }
  | { readonly procedure: 'restore-test'; readonly order: RestoreTestDueOrder }

/**
 * The durable run that does a due run. A source that is new since the due time is backed up for the same due time in a
 * run of its own, so the sources are part of the key.
 */
export function durableRunOf(due: DueRun): DurableRun {
  const dueAt = due.dueAt.toISOString()
  if (due.procedure === 'replicate' || due.procedure === 'restore-test') {
    return { key: due.id, procedure: due.procedure, input: { id: due.id, dueAt } }
  }
  if (due.procedure === 'verify') {
    const order: VerifyDueOrder = { id: due.id, dueAt, data: due.data }
    return { key: due.id, procedure: 'verify', input: { ...order } }
  }
  const order: BackupOrder = { id: due.id, sources: due.sources, kind: due.kind, trigger: 'schedule', dueAt }
  return { key: `${due.id}:${due.sources.join(',')}`, procedure: 'backup', input: { ...order } }
}

/** The order of a durable run that durableRunOf() made, in this process or in one that died. */
export function dueOrderOf({ procedure, input }: Pick<DurableRun, 'procedure' | 'input'>): DueOrder | undefined {
  // What this program has written itself, in a file that only it writes, is not checked again.
  const order: unknown = input
  switch (procedure) {
    case 'backup':
      return { procedure, order: order as BackupOrder }
    case 'verify':
      return { procedure, order: order as VerifyDueOrder }
    case 'replicate':
      return { procedure, order: order as ReplicateDueOrder }
    case 'restore-test':
      return { procedure, order: order as RestoreTestDueOrder }
    default:
      return undefined
  }
}

/** The runs of the catalog that an order makes. */
export function runsOfOrder(due: DueOrder): { readonly id: string; readonly source: string | undefined }[] {
  if (due.procedure !== 'backup') return [{ id: due.order.id, source: undefined }]
  return due.order.sources.map((source) => ({ id: runOf(due.order, source), source }))
}
