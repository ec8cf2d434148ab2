/**
 * How a clause of the policy is kept: `met`; `due`, something is to be done by a date or just now; `breached`; `not yet`,
 * nothing of it has come due so far; `not applicable`, there is nothing that it is about.
 */
export const clauseStates = ['met', 'due', 'breached', 'not yet', 'not applicable'] as const
export type ClauseState = (typeof clauseStates)[number]

/** One thing that the state is known from, and which state it speaks for. */
export interface Evidence {
  readonly state: ClauseState
  /** A sentence with dates and ids. */
  readonly text: string
}

export interface ClauseStatus {
  /** The heading of the policy document that it stands under. */
  readonly section: string
  /** Its name there. */
  readonly clause: string
  readonly state: ClauseState
  /** The worst first, so that what makes the state stands on top; a few of each state. */
  readonly evidence: readonly Evidence[]
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
  const states = worstFirst.filter((state) => findings.some((finding) => finding.state === state))
  const [state = 'not applicable'] = states
  const isToDo = state === 'breached' || state === 'due'
  return {
    section,
    clause,
    state,
    evidence: states.flatMap((one) => evidenceOf(findings, one)),
    remedy: isToDo ? findings.find((finding) => finding.state === state)?.remedy : undefined,
  }
}

function evidenceOf(findings: readonly Finding[], state: ClauseState): Evidence[] {
  const texts = findings.filter((finding) => finding.state === state).map(({ evidence }) => evidence)
  const more = texts.length - sentencesMax
  const told = more > 0 ? [...texts.slice(0, sentencesMax), `and ${more} more`] : texts
  return told.map((text) => ({ state, text }))
}
