import { planKeyRotation } from '../../keys/plan-key-rotation.ts'
import type { Installation, Watch } from '../installation.ts'

/**
 * Rotates the environment's key where the policy has that due; answers the generation that is active then. May run twice:
 * after a rotation none is due. A crash in between leaves what rotateKeys() says.
 */
export async function rotateIfDue(
  { policy, generations, clock }: Pick<Installation, 'policy' | 'generations' | 'clock'>,
  watch: Pick<Watch, 'notice'>,
  signal: AbortSignal,
): Promise<number> {
  const { environment, encryption } = policy
  const plans = planKeyRotation(generations.all, encryption.keyRotation, clock.now())
  const plan = plans.find((one) => one.environment === environment)
  if (plan === undefined || !plan.isDue) return generations.active
  const made = await generations.rotate(signal)
  watch.notice(`generation ${made.generation} of the keys is active from now on: export the keyring anew`)
  return made.generation
}
