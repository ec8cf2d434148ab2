import { mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure } from '../../base/failure.ts'
import { processBirth } from '../../base/process-birth.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { resolveSecret, type SecretPlaces } from '../../keys/resolve-secret.ts'
import type { Policy } from '../../model/policy/policy.ts'
import { masterKeyOf } from '../../operations/keys/master-key-of.ts'
import { Locations } from '../../operations/locations/locations.ts'
import { bringIntoForce } from '../../procedures/bring-into-force.ts'
import { publicKeysOf } from '../../procedures/evidence/sign-ledger.ts'
import { signDay } from '../../procedures/evidence/sign-day.ts'
import { generationsOf } from '../../procedures/keys/generations-of.ts'
import type { Installation, ProgramPlaces } from '../../procedures/installation.ts'
import type { CommandContext } from '../command-entry.ts'
import type { World } from '../world.ts'
import { formatDuration } from '../output/format-duration.ts'
import { openPolicy, type OpenedPolicy } from './open-policy.ts'
import { openPolicyCatalog, openPolicyKeyring, policyUnlock } from './policy-keys.ts'
import { lockOwner } from './take-lock.ts'

/** What a command under a policy works with. Disposing it closes keyring and catalog. */
export interface OpenedInstallation extends AsyncDisposable {
  readonly installation: Installation
  readonly opened: OpenedPolicy
  readonly keyring: Keyring
}

/** A repository that another process is working in is waited for so long, unless --retry-lock says otherwise. */
const retryLockMsDefault = 10 * 60_000

/**
 * Opens the policy, its keyring and its catalog. Failures: those of openPolicy(), openKeyring() and the catalog, and
 * `refused` where the policy is weaker than the one that was in force, without --accept-weaker.
 */
export async function openInstallation(context: CommandContext): Promise<OpenedInstallation> {
  const { world, output } = context
  const opened = await openPolicy(context)
  for (const warning of opened.warnings) output.notice(`policy: ${warning}`, 'verbose')
  const { policy } = opened
  await using held = new AsyncDisposableStack()
  const keyring = held.use(await openPolicyKeyring(policy, context))
  const catalog = held.use(await openPolicyCatalog(policy, world))
  const { document, path } = opened
  const { hostname, username, userId, groupId, processId, clock, random } = world
  const reason = context.globals.acceptWeaker
  await bringIntoForce(catalog, { document, path, reason, actor: `${username}@${hostname}`, now: clock.now() })
  const unlock = await policyUnlock(policy, world)
  const fault = await signDay({ environment: policy.environment, catalog, keyring, clock }, context.signal)
  if (fault !== undefined) output.problem({ during: 'sign evidence', item: 'ledger', message: fault })
  const workFolder = join(policy.state, 'work')
  const installation: Installation = {
    policy,
    policyDigest: opened.document.digest,
    locations: locationsOf(context, policy, keyring),
    catalog,
    generations: generationsOf(
      keyring,
      { environment: policy.environment, unlock },
      { catalog, clock, username, hostname },
    ),
    host: { hostname, username, userId, groupId },
    process: { host: hostname, processId, birth: processBirth(processId) },
    programs: programPlaces(world),
    get evidenceKeys() {
      return publicKeysOf(keyring) // Others after a rotation.
    },
    clock,
    random,
    programVersion: `zakops-backup ${world.version}`,
    threads: world.threads,
    workFolder,
    temporaryFolder: (name) => temporaryFolder(join(workFolder, name)),
    commands: { environment: world.environment, workingDirectory: dirname(path) },
    secret: (reference) => resolveSecret(reference, secretPlaces(world)),
  }
  const stack = held.move()
  return { installation, opened, keyring, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

async function temporaryFolder(path: string): Promise<{ readonly path: string } & AsyncDisposable> {
  const remove = (): Promise<void> => rm(path, { recursive: true, force: true })
  await remove()
  await mkdir(path, { recursive: true, mode: 0o700 })
  return { path, [Symbol.asyncDispose]: remove }
}

/** A private server's folders go to TMPDIR, or else where what is large and must outlive a restart is put. */
export function programPlaces({ environment }: World): ProgramPlaces {
  return {
    searchPath: environment['PATH'] ?? '',
    homeFolder: environment['HOME'],
    packageFolders: [join(import.meta.dirname, '../../../node_modules')],
    sharedFolder: environment['TMPDIR'] || '/var/tmp',
  }
}

function secretPlaces({ environment }: World): SecretPlaces {
  return { environment, readFile }
}

/** The locations of the policy's environment; without the keyring nothing in them can be opened, only looked at. */
export function locationsOf(
  context: CommandContext,
  policy: Policy,
  keyring: Pick<Keyring, 'masterKey'> | undefined,
): Locations {
  const { world, globals, output } = context
  const { environment } = policy
  const places = policy.locations[environment]! // Checked when the policy was read.
  return new Locations({
    environment,
    places: {
      primary: places.primary.storage,
      secondary: places.secondary === 'N/A' ? undefined : places.secondary.storage,
    },
    adapters: world.storages,
    masterKey: (generation) => {
      if (keyring === undefined)
        throw new Failure('keyring_locked', 'Cannot open a repository: the keyring is not open')
      return masterKeyOf(keyring, { environment, generation })
    },
    random: world.random,
    clock: world.clock,
    lockOwner: lockOwner(world),
    retryLockMs: globals.retryLockMs || retryLockMsDefault,
    onRetry: (failure, waitMs) => output.notice(`${failure.message}; trying again in ${formatDuration(waitMs / 1000)}`),
  })
}
