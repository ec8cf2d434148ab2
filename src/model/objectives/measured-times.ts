import type { EvidenceEntry } from '../evidence/evidence-entry.ts'
import { policyProcedures } from '../procedures/policy-procedures.ts'
import type { Run } from '../run.ts'

const serviceSteps: ReadonlySet<string> = new Set(
  ['Stop dependent services', 'Restart services', 'Validate application functionality'].filter((name) =>
    policyProcedures['database-restore'].steps.some((step) => step.name === name),
  ),
)

/**
 * What stopping and starting the services of each source and validating it took: the slowest of the runs whose steps the
 * ledger tells of, ms. A source whose services were never stopped by a procedure is not among them.
 */
export function serviceTimes(entries: readonly EvidenceEntry[], runs: readonly Run[]): Record<string, number> {
  const sourceOf = new Map(runs.map(({ id, source }) => [id, source]))
  const byRun = new Map<string, number>()
  for (const { kind, facts } of entries) {
    const { run, step, state, durationMs } = facts
    if (kind !== 'step' || state !== 'done' || typeof run !== 'string' || typeof step !== 'string') continue
    if (!serviceSteps.has(step) || typeof durationMs !== 'number') continue
    byRun.set(run, (byRun.get(run) ?? 0) + durationMs)
  }
  const times: Record<string, number> = {}
  for (const [run, durationMs] of byRun) {
    const source = sourceOf.get(run)
    if (source !== undefined) times[source] = Math.max(times[source] ?? 0, durationMs)
  }
  return times
}

/** What the last drill took besides restoring its sources, ms: making the folder, opening the kit, rebuilding the catalog. */
export function setUpTime(entries: readonly EvidenceEntry[]): number | undefined {
  const drill = entries.findLast(({ kind }) => kind === 'drill')
  const { durationMs, sources } = drill?.facts ?? {}
  if (typeof durationMs !== 'number' || !Array.isArray(sources)) return undefined
  const restoring = sources.reduce<number>((sum, one: unknown) => sum + durationOf(one), 0)
  return Math.max(0, durationMs - restoring)
}

function durationOf(source: unknown): number {
  const known = typeof source === 'object' && source !== null && 'durationMs' in source ? source.durationMs : 0
  return typeof known === 'number' ? known : 0
}
