/** What is known of one object at one side; 'unknown' where nobody looked. */
export type SideState = 'intact' | 'damaged' | 'absent' | 'unknown'

/** One object at both sides. */
export interface HealFact {
  readonly objectName: string
  readonly here: SideState
  readonly there: SideState
  /** Bytes, by the listing of a side that has it. */
  readonly size: number
}

export interface HealFacts {
  /** In the order of copying (see copyOrder). */
  readonly objects: readonly HealFact[]
  /** Whether objects that only one side has are copied to the other. */
  readonly absent: 'restore' | 'leave'
  /** 'both' mends the mirror from here too. */
  readonly sides: 'here' | 'both'
}

export interface Mending {
  readonly objectName: string
  readonly size: number
  /** The side that gets the good bytes. */
  readonly side: 'here' | 'there'
  readonly found: 'damaged' | 'absent'
}

export interface HealPlan {
  readonly mend: readonly Mending[]
  /** Damaged at one side, and not to be had from the other. */
  readonly lost: readonly HealFact[]
}

/** Decides what is to be copied where. A side that is 'unknown' is tried: its bytes are verified before they are used. */
export function planHeal(facts: HealFacts): HealPlan {
  const mend: Mending[] = []
  const lost: HealFact[] = []
  for (const fact of facts.objects) {
    const sides = facts.sides === 'both' ? (['here', 'there'] as const) : (['here'] as const)
    for (const side of sides) {
      const found = fact[side]
      if (found !== 'damaged' && (found !== 'absent' || facts.absent === 'leave')) continue
      const other = fact[side === 'here' ? 'there' : 'here']
      if (other === 'intact' || other === 'unknown')
        mend.push({ objectName: fact.objectName, size: fact.size, side, found })
      else if (found === 'damaged') lost.push(fact)
    }
  }
  return { mend, lost: [...new Set(lost)] }
}
