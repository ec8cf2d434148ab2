import type { Installation } from '../../../procedures/installation.ts'
import { storeHeads } from '../../../procedures/evidence/store-heads.ts'
import type { CommandContext } from '../../command-entry.ts'

/** Puts signed heads where they are missing, and tells what could not be done. */
export async function storeEvidence(
  { output, signal }: CommandContext,
  { catalog, locations }: Pick<Installation, 'catalog' | 'locations'>,
): Promise<readonly string[]> {
  const { troubles } = await storeHeads(locations, catalog, signal)
  for (const message of troubles) output.problem({ during: 'store signed heads', item: 'locations', message })
  return troubles
}
