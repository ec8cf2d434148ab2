import { isFailure } from '../../base/failure.ts'
import type { Locations } from '../../operations/locations/locations.ts'
import { describeTrouble } from '../trouble.ts'
import { type EvidenceSigner, signLedger } from './sign-ledger.ts'
import { storeHeads } from './store-heads.ts'

/**
 * Signs the ledger where the last head is of an earlier day, UTC, and entries came since. Answers what is wrong with the
 * ledger as a sentence, since a changed ledger must not keep backups from being taken: it must be told with them.
 */
export async function signDay(signer: EvidenceSigner, signal: AbortSignal): Promise<string | undefined> {
  const last = (await signer.catalog.heads()).at(-1)
  if (last !== undefined && dayOf(last.signedAt) >= dayOf(signer.clock.now())) return undefined
  try {
    await signLedger(signer, signal)
    return undefined
  } catch (error) {
    if (signal.aborted || !isFailure(error)) throw error
    return describeTrouble(error)
  }
}

/** signDay(), and the heads at every location: what is done daily. Answers troubles, a sentence each. */
export async function keepEvidence(
  signer: EvidenceSigner & { readonly locations: Pick<Locations, 'names' | 'evidence'> },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const fault = await signDay(signer, signal)
  const { troubles } = await storeHeads(signer.locations, signer.catalog, signal)
  return fault === undefined ? troubles : [fault, ...troubles]
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10)
}
