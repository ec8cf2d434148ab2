/**
 * What POLICY.md says about one source, said once more in the plainest way, for a life of the policy to be compared
 * with. It knows nothing of the program but the backups that it took.
 */

const dayMs = 86_400_000

/** A backup that was taken, with the time that the clock said then. */
export interface TakenBackup {
  readonly id: string
  readonly source: string
  readonly kind: string
  readonly takenAt: Date
}

/** Copies and days by kind: "4 copies (4 weeks)", "7 copies (7 days)". */
const promised = { full: { copies: 4, days: 28 }, incremental: { copies: 7, days: 7 } } as const

/** Ages within this of the limit may be judged either way: between taking a backup and retention some time passes. */
const toleranceMs = 45_000

/** What must be there of one source at one location, and what may be. All else must be gone. */
export class KeptReference {
  readonly must = new Map<string, TakenBackup>()
  readonly may = new Map<string, TakenBackup>()

  /** A backup was stored here. */
  add(taken: TakenBackup): void {
    this.may.delete(taken.id)
    this.must.set(taken.id, taken)
  }

  /**
   * The other location was copied here. What went there while this one was away may still be here: it goes when retention
   * says so again, and by another clock it may not.
   */
  follow(other: KeptReference): void {
    for (const one of other.must.values()) this.add(one)
    for (const one of this.must.values()) {
      if (other.must.has(one.id)) continue
      this.must.delete(one.id)
      this.may.set(one.id, one)
    }
  }

  /**
   * Retention ran. `proven`: the newest backup that was proven to restore, and the newest of those that the clock has reached,
   * before and after the work that it was part of; they stay. Where the two differ, either may have been known to it.
   */
  apply(now: Date, proven: { readonly before: ReadonlySet<string>; readonly after: ReadonlySet<string> }): void {
    for (const [kind, { copies, days }] of Object.entries(promised)) {
      const ofKind = [...this.must.values(), ...this.may.values()]
        .filter((one) => one.kind === kind)
        .toSorted((a, b) => b.takenAt.getTime() - a.takenAt.getTime())
      for (const one of ofKind) {
        const ageMs = now.getTime() - one.takenAt.getTime()
        // What the clock has not reached yet is young, and newer than nothing.
        if (ageMs < 0) continue
        const newer = ofKind.filter((other) => other.takenAt > one.takenAt && other.takenAt <= now)
        if (newer.length < copies) continue
        const overMs = ageMs - days * dayMs
        if (overMs < -toleranceMs) continue
        if (proven.before.has(one.id) && proven.after.has(one.id)) continue
        this.must.delete(one.id)
        this.may.delete(one.id)
        const isShielded = proven.before.has(one.id) || proven.after.has(one.id)
        if (overMs < toleranceMs || isShielded) this.may.set(one.id, one)
      }
    }
  }

  /** What is wrong with what is there, a line each. */
  faults(found: ReadonlySet<string>, where: string): string[] {
    const line = (one: TakenBackup | undefined, id: string, what: string): string =>
      `${where}: ${one?.source ?? ''} ${one?.kind ?? ''} of ${one?.takenAt.toISOString() ?? id} ${what}`
    return [
      ...[...this.must.values()].filter(({ id }) => !found.has(id)).map((one) => line(one, one.id, 'is missing')),
      ...[...found]
        .filter((id) => !this.must.has(id) && !this.may.has(id))
        .map((id) => line(undefined, id, 'should be gone')),
    ]
  }
}

/** Whether the newest backup that lies at all locations is older than a day and the hour of grace. */
export function isPointBreached(inAllPlaces: readonly TakenBackup[], now: Date): boolean {
  const newest = Math.max(...inAllPlaces.map(({ takenAt }) => takenAt.getTime()), 0)
  return now.getTime() - newest > dayMs + 3_600_000
}
