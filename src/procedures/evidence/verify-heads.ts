import type { LocationName } from '../../model/policy/policy.ts'
import type { Installation } from '../installation.ts'
import { storeHeads } from './store-heads.ts'

/** Reads every signed head at these locations; what does not go with the evidence is on record and told, as of storeHeads(). */
export async function verifyHeads(
  installation: Installation,
  names: readonly LocationName[],
  signal: AbortSignal,
): Promise<{ readonly troubles: readonly string[] }> {
  const { locations } = installation
  const evidence: typeof locations.evidence = (location, stop) => locations.evidence(location, stop)
  const { troubles } = await storeHeads({ ...installation, locations: { names, evidence } }, 'all', signal)
  return { troubles }
}
