import { Failure } from '../../base/failure.ts'
import { isRunProcessAlive } from '../../catalog/run-process.ts'
import type { ServiceEvent, ServiceParts } from '../../control/service-parts.ts'
import type { Policy } from '../../model/policy/policy.ts'
import type { CommandContext } from '../command-entry.ts'
import { openInstallation } from './open-installation.ts'
import { openPolicy } from './open-policy.ts'
import { openPolicyCatalog } from './policy-keys.ts'

export interface OpenedService extends AsyncDisposable {
  readonly parts: ServiceParts
  readonly policy: Policy
  readonly policyPath: string
}

/**
 * Opens what a service works with, for this process alone. The installation is opened once at the start, so that whoever
 * starts a service hears at once of a keyring that does not open. Failures: those of openInstallation(), and `refused`
 * where another process works on what is due.
 */
export async function openService(
  context: CommandContext,
  tell: (event: ServiceEvent) => void,
): Promise<OpenedService> {
  const { world } = context
  const { policy, path } = await openPolicy(context)
  await using held = new AsyncDisposableStack()
  const runs = held.use(await world.openRuns(policy.state))
  await using first = await openInstallation(context)
  const catalog = held.use(await openPolicyCatalog(policy, world))
  const { hostname: host, clock } = world
  // A reason that was given for one policy is none for the next one.
  const later: CommandContext = { ...context, globals: { ...context.globals, acceptWeaker: undefined } }
  const parts: ServiceParts = {
    runs,
    catalog,
    clock,
    process: first.installation.process,
    isProcessAlive: (process) => isRunProcessAlive(process, host),
    readPolicy: async () => requireSameState((await openPolicy(later)).policy, policy),
    openInstallation: () => openInstallation(later),
    tell,
  }
  const stack = held.move()
  return { parts, policy, policyPath: path, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

function requireSameState(policy: Policy, first: Policy): Policy {
  if (policy.state === first.state) return policy
  throw new Failure(
    'refused',
    `Cannot look what is due: the policy's state folder is "${policy.state}" now, and was "${first.state}" when this service started`,
    { facts: { hint: 'Restart the service' } },
  )
}
