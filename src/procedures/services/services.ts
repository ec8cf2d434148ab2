import { Failure } from '../../base/failure.ts'
import type { ServicePolicy } from '../../model/policy/policy.ts'
import { runCommand } from '../../operations/commands/run-command.ts'
import type { Installation } from '../installation.ts'

type Commands = Pick<Installation, 'policy' | 'clock' | 'commands'>

/** Between two looks whether a service is well. */
const healthEveryMs = 250
const toldCharactersMax = 200

/** The services that depend on a source, in the order in which they are stopped. */
export function servicesOf({ policy }: Pick<Installation, 'policy'>, source: string): readonly string[] {
  return policy.sources[source]?.services ?? []
}

/**
 * Stops services in this order. May be run twice, so a stop command must succeed where its service is stopped already.
 * Failure `command_failed` with what the command said; those before it are stopped then.
 */
export async function stopServices(
  installation: Commands,
  services: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const name of services) {
    const service = serviceOf(installation, name)
    await runServiceCommand(installation, { name, verb: 'stop', words: service.stop, service }, signal)
  }
}

/** Starts services in the opposite order, and waits until each is well. May be run twice. Failure `command_failed`. */
export async function startServices(
  installation: Commands,
  services: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  for (const name of services.toReversed()) {
    const service = serviceOf(installation, name)
    await runServiceCommand(installation, { name, verb: 'start', words: service.start, service }, signal)
    await requireHealthy(installation, name, signal)
  }
}

/** Waits for a service to be well, at most as long as its timeout says. Failure `command_failed`. */
export async function requireHealthy(installation: Commands, name: string, signal: AbortSignal): Promise<void> {
  const service = serviceOf(installation, name)
  const { health, timeout } = service
  if (health === undefined) return
  const { clock } = installation
  const endMs = clock.monotonicMs() + timeout
  for (;;) {
    try {
      await runServiceCommand(installation, { name, verb: 'check', words: health, service }, signal)
      return
    } catch (error) {
      if (signal.aborted || !(error instanceof Failure) || clock.monotonicMs() + healthEveryMs >= endMs) throw error
    }
    await clock.sleep(healthEveryMs, signal)
  }
}

function serviceOf({ policy }: Commands, name: string): ServicePolicy {
  const service = Object.hasOwn(policy.services, name) ? policy.services[name] : undefined
  if (service !== undefined) return service
  // A run that goes on names the services that it found when it began.
  throw new Failure('refused', `Cannot stop or start service "${name}": the policy has it no more`, {
    facts: { hint: 'Put the service back into the policy for this run, and start it by hand where it must run now' },
  })
}

async function runServiceCommand(
  installation: Commands,
  command: {
    readonly name: string
    readonly verb: string
    readonly words: readonly string[]
    readonly service: ServicePolicy
  },
  signal: AbortSignal,
): Promise<void> {
  const { name, verb, words, service } = command
  await runPolicyCommand(installation, { what: `${verb} service "${name}"`, words, timeoutMs: service.timeout }, signal)
}

/** Runs a command of the policy, which must exit 0 in time. Failure `command_failed` with the last that it said. */
export async function runPolicyCommand(
  { clock, commands }: Commands,
  { what, words, timeoutMs }: { readonly what: string; readonly words: readonly string[]; readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<void> {
  const late = AbortSignal.timeout(timeoutMs)
  const request = { words, output: 'capture', ...commands } as const
  const end = await runCommand(request, clock, AbortSignal.any([signal, late]))
  signal.throwIfAborted()
  if (end.exitCode === 0 && !late.aborted) return
  const found = late.aborted ? `it took longer than ${timeoutMs / 1000} s` : `it ended with exit code ${end.exitCode}`
  const said = end.output.trim().split('\n').at(-1)!.slice(-toldCharactersMax)
  throw new Failure('command_failed', `Cannot ${what}: ${found}${said === '' ? '' : `: ${said}`}`)
}
