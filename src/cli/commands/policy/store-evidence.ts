import { type HeadKeeper, storeHeads } from '../../../procedures/evidence/store-heads.ts'
import type { CommandContext } from '../../command-entry.ts'

/** Puts signed heads where they are missing, and tells what could not be done. */
export async function storeEvidence(
  { output, signal }: CommandContext,
  installation: HeadKeeper,
  compare: 'newest' | 'all',
): Promise<readonly string[]> {
  const { troubles } = await storeHeads(installation, compare, signal)
  for (const message of troubles) output.problem({ during: 'store signed heads', item: 'locations', message })
  return troubles
}
