import type { EvidenceEntry } from '../evidence/evidence-entry.ts'
import type { DrillFact } from '../status/status-facts.ts'

/** The drills that the ledger tells of, oldest first, each with whether a person has written its lessons. */
export function drillFacts(entries: readonly EvidenceEntry[]): DrillFact[] {
  const lessons = new Set(
    entries.flatMap(({ kind, facts }) => (kind === 'lesson' && typeof facts['run'] === 'string' ? [facts['run']] : [])),
  )
  return entries.flatMap(({ kind, at, facts }): DrillFact[] => {
    const { run, outcome, durationMs } = facts
    if (kind !== 'drill' || typeof run !== 'string' || typeof durationMs !== 'number') return []
    if (outcome !== 'recovered' && outcome !== 'failed') return []
    return [{ run, at, outcome, durationMs, lessons: lessons.has(run) ? 'written' : 'missing' }]
  })
}
