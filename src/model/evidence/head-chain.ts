import type { KeyObject } from 'node:crypto'
import { acknowledgedHeads, type EvidenceAlarm, readAlarms } from './evidence-alarm.ts'
import type { EvidenceEntry } from './evidence-entry.ts'
import { headDigest, headText, isSignedBy, type LedgerHead, type SignedHead } from './signed-head.ts'

/** Why a head does not go with the ledger. */
export interface HeadFault {
  readonly kind: 'wrong signature' | 'head missing' | 'tail cut' | 'edited' | 'inserted'
  readonly found: string
  /** The entry that it shows at, where it is one. */
  readonly sequence: number | undefined
}

/** What heads are compared with. */
export interface HeadContext {
  readonly header: Pick<LedgerHead, 'environment' | 'ledger'>
  readonly entries: readonly EvidenceEntry[]
  /** Public keys by their ids. */
  readonly keys: ReadonlyMap<string, KeyObject>
}

/** Why a head, by itself and by its entries where those are at hand, is not the one that follows `before` in a ledger; undefined where it is. */
export function nextHeadFault(
  head: SignedHead,
  before: SignedHead | undefined,
  context: Pick<HeadContext, 'header'> & {
    readonly entries: HeadContext['entries'] | 'not looked at'
    /** Not looked at where a later head is, whose signature stands for this one too. */
    readonly keys: HeadContext['keys'] | 'not looked at'
  },
): HeadFault | undefined {
  const { header, entries, keys } = context
  const wanted = (before?.number ?? 0) + 1
  const fault = (kind: HeadFault['kind'], found: string, sequence?: number): HeadFault => ({ kind, found, sequence })
  if (head.ledger !== header.ledger || head.environment !== header.environment) {
    return fault('inserted', 'it is of another ledger')
  }
  if (head.number > wanted) return fault('head missing', `head ${wanted} is not there`)
  if (head.number < wanted) return fault('inserted', 'it stands there a second time')
  if (keys !== 'not looked at') {
    const key = keys.get(head.key)
    if (key === undefined) return fault('wrong signature', `it is signed by key ${head.key}, which was not given`)
    if (!isSignedBy(headText(head), head.signature, key))
      return fault('wrong signature', 'its signature is not of what it says')
  }
  if (head.previousHead !== (before === undefined ? header.ledger : headDigest(before))) {
    return fault('head missing', 'it does not follow the head before it')
  }
  if (entries === 'not looked at') return undefined
  if (head.sequence > entries.length) {
    return fault('tail cut', `it covers ${head.sequence} entries, and there are ${entries.length}`, entries.length + 1)
  }
  if (entries[head.sequence - 1]!.hash === head.hash) return undefined
  const from = (before?.sequence ?? 0) + 1
  const found = `entries were changed and hashed anew after they had been signed: one of ${from} to ${head.sequence}`
  return fault('edited', found, from)
}

/**
 * What heads that were found at the locations say against an export that is intact by itself: entries that were cut off
 * behind its end, or others than those that were signed. Heads of other ledgers are told by their ledger, and those that a
 * person acknowledged, by an entry of the export itself, by that: they are history.
 */
export function headsAgainst(
  found: readonly { readonly place: string; readonly head: SignedHead }[],
  { header, entries, keys }: HeadContext,
): {
  readonly faults: readonly (HeadFault & { readonly place: string })[]
  readonly otherLedgers: readonly string[]
  readonly acknowledged: readonly { readonly place: string; readonly head: SignedHead; readonly alarm: EvidenceAlarm }[]
} {
  const faults: (HeadFault & { readonly place: string })[] = []
  const otherLedgers = new Set<string>()
  const history = acknowledgedHeads(readAlarms(entries, { ...header, keys }))
  const acknowledged: { readonly place: string; readonly head: SignedHead; readonly alarm: EvidenceAlarm }[] = []
  for (const { place, head } of found) {
    const alarm = history.get(headDigest(head))
    if (alarm !== undefined) {
      acknowledged.push({ place, head, alarm })
      continue
    }
    const key = keys.get(head.key)
    if (key === undefined || !isSignedBy(headText(head), head.signature, key)) {
      faults.push({
        place,
        kind: 'wrong signature',
        found: 'its signature is not of what it says',
        sequence: undefined,
      })
      continue
    }
    if (head.environment !== header.environment) continue
    if (head.ledger !== header.ledger) otherLedgers.add(head.ledger)
    else if (head.sequence > entries.length) {
      const said = `it was signed over ${head.sequence} entries at ${head.signedAt.toISOString()}, and there are ${entries.length}`
      faults.push({ place, kind: 'tail cut', found: said, sequence: entries.length + 1 })
    } else if (entries[head.sequence - 1]!.hash !== head.hash) {
      faults.push({ place, kind: 'edited', found: 'it was signed over other entries', sequence: head.sequence })
    }
  }
  return { faults, otherLedgers: [...otherLedgers], acknowledged }
}
