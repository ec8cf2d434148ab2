import { errorMessage } from '../base/error-message.ts'
import { isFailure } from '../base/failure.ts'
import type { RunEnd } from '../model/run.ts'
import { type DueOrder, runsOfOrder } from './due-order.ts'
import type { ServiceParts } from './service-parts.ts'

/**
 * Puts on record that an order failed: ends each of its runs that has not ended, and those that had not even begun, so
 * that they count as attempts and are tried again after a wait.
 */
export async function recordFailure(
  { catalog, clock, process }: Pick<ServiceParts, 'catalog' | 'clock' | 'process'>,
  due: DueOrder,
  error: unknown,
): Promise<void> {
  const known = new Map((await catalog.runs({ procedure: due.procedure })).map((run) => [run.id, run]))
  const { code: failure, message } = isFailure(error)
    ? error
    : { code: 'defect' as const, message: errorMessage(error) }
  for (const { id, source } of runsOfOrder(due)) {
    const state = known.get(id)?.state
    if (state === undefined) {
      const dueAt = due.order.dueAt === undefined ? undefined : new Date(due.order.dueAt)
      const beginning = { id, procedure: due.procedure, trigger: 'schedule', source, dueAt, process } as const
      await catalog.beginRun({ ...beginning, startedAt: clock.now() })
    }
    if (state !== undefined && state !== 'running' && state !== 'lost') continue
    const end: RunEnd = { state: 'failed', endedAt: clock.now(), failure, message }
    await catalog.endRun(id, end)
  }
}
