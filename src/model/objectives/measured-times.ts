import type { EvidenceEntry } from '../evidence/evidence-entry.ts'
import { policyProcedures } from '../procedures/policy-procedures.ts'
import type { Run } from '../run.ts'

const serviceSteps: ReadonlySet<string> = new Set(
  ['Stop dependent services', 'Restart services', 'Validate application functionality'].filter((name) =>
    policyProcedures['database-restore'].steps.some((step) => step.name === name),
  ),
)

/**
 * What stopping and starting the services of each source and validating it took: the slowest of the runs of which the ledger
 * tells all of these steps, over all their tries, ms. A source of which no such run ended is not among them.
 */
export function serviceTimes(entries: readonly EvidenceEntry[], runs: readonly Run[]): Record<string, number> {
  const sourceOf = new Map(runs.map(({ id, source }) => [withoutTry(id), source]))
  const byRun = new Map<string, Map<string, number>>()
  for (const { kind, facts } of entries) {
    const { run, step, state, durationMs } = facts
    if (kind !== 'step' || state !== 'done' || typeof run !== 'string' || typeof step !== 'string') continue
    if (!serviceSteps.has(step) || typeof durationMs !== 'number') continue
    const steps = byRun.get(withoutTry(run)) ?? new Map<string, number>()
    byRun.set(withoutTry(run), steps.set(step, durationMs))
  }
  const times: Record<string, number> = {}
  for (const [run, steps] of byRun) {
    const source = sourceOf.get(run)
    if (source === undefined || steps.size < serviceSteps.size) continue
    const durationMs = [...steps.values()].reduce((sum, ms) => sum + ms, 0)
    times[source] = Math.max(times[source] ?? 0, durationMs)
  }
  return times
}

/** Further tries of a run are on record as "<run>.2". */
function withoutTry(run: string): string {
  return run.replace(/\.\d+$/, '')
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
