/**
 * Every way in which a repository can be found wrong. `remedy` completes "To do:". Kinds marked as faults mean that
 * something can not be restored, or will not be for long; hints cost room or time at most.
 */
export const findingKinds = {
  key_damaged: { severity: 'fault', remedy: 'Heal it from a mirror, or remove it with `key remove` and add it anew' },
  config_damaged: { severity: 'fault', remedy: 'Heal it from a mirror' },
  index_damaged: { severity: 'fault', remedy: 'Heal it from a mirror' },
  index_contradiction: { severity: 'fault', remedy: 'Run `prune`; if this stays, `restic repair index`' },
  snapshot_damaged: { severity: 'fault', remedy: 'Heal it from a mirror; forget it if there is none' },
  pack_missing: { severity: 'fault', remedy: 'Heal it from a mirror' },
  pack_resized: { severity: 'fault', remedy: 'Heal it from a mirror' },
  pack_damaged: { severity: 'fault', remedy: 'Heal it from a mirror' },
  pack_unsteady: { severity: 'fault', remedy: 'Check the memory, the disk and the connection of this machine' },
  tree_damaged: { severity: 'fault', remedy: 'Heal the pack that holds it from a mirror' },
  tree_unsound: { severity: 'fault', remedy: 'Back up again; the snapshots that name this tree stay incomplete' },
  blob_missing: { severity: 'fault', remedy: 'Heal the missing pack or index from a mirror' },
  object_absent: {
    severity: 'fault',
    remedy: 'Heal it from the mirror; or, if it was removed on purpose, mirror with removal',
  },
  pack_unindexed: { severity: 'hint', remedy: 'Run `prune`' },
  pack_indexed_twice: { severity: 'hint', remedy: 'Run `prune`' },
  pack_mixed: { severity: 'hint', remedy: 'Run `prune`' },
  object_foreign: { severity: 'hint', remedy: 'Look at it, and remove it if nobody needs it' },
} as const satisfies Record<string, { readonly severity: 'fault' | 'hint'; readonly remedy: string }>

export type FindingKind = keyof typeof findingKinds

/** One thing that is not as it should be. */
export interface Finding {
  readonly kind: FindingKind
  /** The object to look at, or to heal, e.g. "data/ab/ab…". */
  readonly objectName: string
  /** What was found, for a person. */
  readonly detail: string
}

export interface CheckCounts {
  readonly snapshots: number
  readonly trees: number
  readonly indexes: number
  readonly packs: number
  /** Bytes of all packs. */
  readonly packBytes: number
  readonly blobs: number
  readonly unusedBlobs: number
  /** Sealed bytes. */
  readonly unusedBytes: number
  /** Packs whose every byte was read and verified. */
  readonly readPacks: number
  readonly readBytes: number
}

export interface CheckReport {
  /** Something is damaged. Each object is named once a kind, in the order in which it was found. */
  readonly faults: readonly Finding[]
  readonly hints: readonly Finding[]
  /** Findings that are not listed, because there are too many. */
  readonly omitted: number
  readonly counts: CheckCounts
}

/** More than these help nobody, and a repository that lost everything must not exhaust the memory. */
const findingsMax = 10_000

/** Collects findings, each object once for each kind. */
export class Findings {
  readonly #all = new Map<string, Finding>()
  #omitted = 0

  note(kind: FindingKind, objectName: string, detail: string): void {
    const key = `${kind} ${objectName}`
    if (this.#all.has(key)) return
    if (this.#all.size < findingsMax) this.#all.set(key, { kind, objectName, detail })
    else this.#omitted++
  }

  /** Findings beyond the number that is kept. */
  get omitted(): number {
    return this.#omitted
  }

  get count(): number {
    return this.#all.size + this.#omitted
  }

  of(severity: 'fault' | 'hint'): Finding[] {
    return Array.from(this.#all.values()).filter(({ kind }) => findingKinds[kind].severity === severity)
  }
}
