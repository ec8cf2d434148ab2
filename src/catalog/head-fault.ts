import { Failure } from '../base/failure.ts'
import { headDigest, type SignedHead } from '../model/evidence/signed-head.ts'

/** Why a head can not be kept beside those that are there, by the rule of the seam; `there` where it is kept already. */
export function headFault(head: SignedHead, heads: readonly SignedHead[]): Failure | 'there' | undefined {
  const there = heads.find(({ number }) => number === head.number)
  if (there === undefined) return undefined
  if (headDigest(there) === headDigest(head)) return 'there'
  return new Failure('refused', `Cannot keep head ${head.number} of the ledger: there is another head of this number`)
}
