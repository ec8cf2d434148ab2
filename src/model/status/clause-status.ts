/**
 * How a clause of the policy is kept: `met`; `due`, something is to be done by a date or just now; `breached`; `not yet`,
 * nothing of it has come due so far; `not applicable`, there is nothing that it is about.
 */
export const clauseStates = ['met', 'due', 'breached', 'not yet', 'not applicable'] as const
export type ClauseState = (typeof clauseStates)[number]

export interface ClauseStatus {
  /** The heading of the policy document that it stands under. */
  readonly section: string
  /** Its name there. */
  readonly clause: string
  readonly state: ClauseState
  /** What the state is known from: sentences with dates and ids. */
  readonly evidence: readonly string[]
  /** A command that mends it; only where something is to be done. */
  readonly remedy: string | undefined
}

/** What was found about a part of a clause, such as one source. */
export interface Finding {
  readonly state: ClauseState
  readonly evidence: string
  readonly remedy?: string
}

/** Sentences of one state that are told; the rest are counted, so that a thousand faults stay readable. */
const sentencesMax = 5

const worstFirst = ['breached', 'due', 'not yet', 'met', 'not applicable'] as const satisfies readonly ClauseState[]

/** A clause is as its worst part, and tells the worst first. */
export function clauseOf(section: string, clause: string, findings: readonly Finding[]): ClauseStatus {
  const sorted = findings.toSorted((a, b) => worstFirst.indexOf(a.state) - worstFirst.indexOf(b.state))
  const [worst] = sorted
  const told = sorted.slice(0, sentencesMax).map(({ evidence }) => evidence)
  const more = sorted.length - told.length
  return {
    section,
    clause,
    state: worst?.state ?? 'not applicable',
    evidence: more === 0 ? told : [...told, `and ${more} more`],
    remedy: worst?.state === 'breached' || worst?.state === 'due' ? worst.remedy : undefined,
  }
}
