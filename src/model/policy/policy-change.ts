/** One way in which a policy differs from the one before it. */
export interface PolicyChange {
  /** The setting: "schedule.full.retention.copies". */
  readonly setting: string
  /** What changed, in words: "full backups: the last 2 stay, before it was the last 4". */
  readonly text: string
  /** The new one promises less than the old one did. */
  readonly weakens: boolean
}
