import type { KeyObject } from 'node:crypto'
import { isFailure } from '../../base/failure.ts'
import { acknowledgedHeads, readAlarms } from '../../model/evidence/evidence-alarm.ts'
import { headsAgainst } from '../../model/evidence/head-chain.ts'
import { keyIdOf, type SignedHead } from '../../model/evidence/signed-head.ts'
import type { VerifiedExport } from '../../model/evidence/verify-export.ts'
import type { LocationName } from '../../model/policy/policy.ts'
import type { Locations } from '../../operations/locations/locations.ts'
import { describeTrouble } from '../trouble.ts'
import { type HeadObject, readHeads } from './head-objects.ts'

/** The heads at a location, and what is there that is none; or why they could not be read. */
export interface HeadsThere {
  readonly location: LocationName
  readonly heads: readonly SignedHead[]
  readonly faults: readonly Extract<HeadObject, { head: undefined }>[]
  readonly away: string | undefined
}

/** What the locations say of an export that is intact by itself. */
export interface HeadsCompared {
  /** A sentence a location: how many heads were compared there, or why none. */
  readonly said: readonly string[]
  /** What speaks against the export, a sentence each: it is not whole, or not what was signed. */
  readonly faults: readonly string[]
}

/** The heads at each location. To be read before the export they are compared with: a head is in the catalog before it is there. */
export async function gatherHeads(
  locations: Pick<Locations, 'names' | 'evidence'>,
  signal: AbortSignal,
): Promise<readonly HeadsThere[]> {
  const gathered: HeadsThere[] = []
  for (const location of locations.names) {
    try {
      await using storage = await locations.evidence(location, signal)
      const there = storage === undefined ? { heads: [], faults: [] } : await readHeads(storage.inside, signal)
      gathered.push({ location, ...there, away: undefined })
    } catch (error) {
      if (signal.aborted || !isFailure(error)) throw error
      gathered.push({ location, heads: [], faults: [], away: describeTrouble(error) })
    }
  }
  return gathered
}

/** Compares an export with the heads at the locations. One that was away is said and is no fault. */
export function compareHeads(
  gathered: readonly HeadsThere[],
  { header, entries }: Pick<Extract<VerifiedExport, { state: 'intact' }>, 'header' | 'entries'>,
  publicKeys: readonly KeyObject[],
): HeadsCompared {
  const keys = new Map(publicKeys.map((key) => [keyIdOf(key), key]))
  const compared = gathered.map(({ location, heads, faults, away }) => {
    const found = heads.map((head) => ({ place: location, head }))
    const against = headsAgainst(found, { header, entries, keys })
    const history = acknowledgedHeads(readAlarms(entries, { ...header, keys }))
    const strange = faults.filter(({ digest }) => !history.has(digest))
    const acknowledged = against.acknowledged.length + faults.length - strange.length
    const ofLedger = heads.filter(({ ledger }) => ledger === header.ledger).length
    return {
      said:
        away === undefined
          ? `${location} location: ${ofLedger} compared${acknowledged === 0 ? '' : `, ${acknowledged} that are of no part of this ledger were acknowledged by a person`}`
          : `${location} location: not compared, ${away}`,
      faults: [
        ...strange.map((one) => `${one.objectName}: ${one.found}`),
        ...against.faults.map((fault) => `${fault.kind}: ${fault.found}`),
      ].map((fault) => `a head at the ${location} location: ${fault}`),
    }
  })
  return { said: compared.map(({ said }) => said), faults: compared.flatMap(({ faults }) => faults) }
}
