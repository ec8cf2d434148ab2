import { isFailure } from '../../base/failure.ts'
import { describeTrouble } from '../trouble.ts'
import { type EvidenceSigner, ledgerFault, signLedger } from './sign-ledger.ts'

/**
 * Signs the ledger where the last head is of an earlier day, UTC, and entries came since; looks it over else. Answers what is wrong with the
 * ledger as a sentence, since a changed ledger must not keep backups from being taken: it must be told with them.
 */
export async function signDay(signer: EvidenceSigner, signal: AbortSignal): Promise<string | undefined> {
  const last = (await signer.catalog.heads()).at(-1)
  try {
    if (last !== undefined && dayOf(last.signedAt) >= dayOf(signer.clock.now())) {
      const fault = await ledgerFault(signer, signal)
      return fault && describeTrouble(fault)
    }
    await signLedger(signer, signal)
    return undefined
  } catch (error) {
    if (signal.aborted || !isFailure(error)) throw error
    return describeTrouble(error)
  }
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10)
}
