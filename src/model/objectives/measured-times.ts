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

/** Of so many drills the middle one counts. */
const drillsMax = 3

/**
 * What drills took besides restoring their sources, ms: making the folder, opening the kit, rebuilding the catalog. The median of
 * the last three.
 */
export function setUpTime(entries: readonly EvidenceEntry[]): number | undefined {
  const times = entries.flatMap(({ kind, facts: { durationMs, sources } }) => {
    if (kind !== 'drill' || typeof durationMs !== 'number' || !Array.isArray(sources)) return []
    const restoring = sources.reduce<number>((sum, one: unknown) => sum + durationOf(one), 0)
    return [Math.max(0, durationMs - restoring)]
  })
  const last = times.slice(-drillsMax).toSorted((a, b) => a - b)
  return last.length === 0 ? undefined : (last[(last.length - 1) >> 1]! + last[last.length >> 1]!) / 2
}

function durationOf(source: unknown): number {
  const known = typeof source === 'object' && source !== null && 'durationMs' in source ? source.durationMs : 0
  return typeof known === 'number' ? known : 0
}

/** A recovery that replayed so much log, and how long that took, from the start of the server that did it. */
export interface MeasuredReplay {
  readonly source: string
  readonly at: Date
  readonly bytes: number
  readonly durationMs: number
}

/** The replays on record: steps that tell how much log they replayed. */
export function measuredReplays(entries: readonly EvidenceEntry[], runs: readonly Run[]): MeasuredReplay[] {
  const sourceOf = new Map(runs.map(({ id, source }) => [id, source]))
  return entries.flatMap(({ kind, at, facts: { run, state, durationMs, result } }): MeasuredReplay[] => {
    if (kind !== 'step' || state !== 'done' || typeof run !== 'string' || typeof durationMs !== 'number') return []
    const source = sourceOf.get(run)
    const bytes = typeof result === 'object' && result !== null && 'replayedBytes' in result && result.replayedBytes
    return source === undefined || typeof bytes !== 'number' ? [] : [{ source, at, bytes, durationMs }]
  })
}
