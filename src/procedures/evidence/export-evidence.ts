import { exportHeader, exportLines, headerText } from '../../model/evidence/evidence-export.ts'
import type { SignedHead } from '../../model/evidence/signed-head.ts'
import { type EvidenceSigner, signLedger } from './sign-ledger.ts'

export interface ExportedEvidence {
  /** The lines of the file, without their ends. */
  readonly lines: readonly string[]
  readonly entries: number
  readonly heads: readonly SignedHead[]
}

/** The whole ledger as an export whose last entry is covered by a signed head. Failures as of signLedger(). */
export async function exportEvidence(signer: EvidenceSigner, signal: AbortSignal): Promise<ExportedEvidence> {
  const { catalog, keyring, clock, environment } = signer
  const heads = await signLedger(signer, signal)
  const { ledger } = await catalog.ledgerEnd()
  const last = heads.at(-1)
  // Entries that came after the head was signed are for the next export.
  const entries = last === undefined ? [] : await catalog.evidence({ first: last.sequence })
  const end = { ledger, sequence: entries.length, hash: entries.at(-1)?.hash ?? ledger }
  const header = exportHeader(environment, end, heads, clock.now())
  const signed = { ...header, ...(await keyring.signEvidence(headerText(header), signal)) }
  return { lines: exportLines(signed, entries, heads), entries: entries.length, heads }
}
