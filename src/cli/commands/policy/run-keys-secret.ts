import { readFile, unlink } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Failure } from '../../../base/failure.ts'
import { createKeyFile } from '../../../keys/key-file-provider.ts'
import { exists } from '../../../keys/read-keyring-file.ts'
import { type NamedPath, requireOutside } from '../../../keys/require-apart.ts'
import { resolveSecret } from '../../../keys/resolve-secret.ts'
import type { Unlock } from '../../../keys/unlock.ts'
import { type Policy, secretReferenceSchema } from '../../../model/policy/policy.ts'
import { openPolicy } from '../../access/open-policy.ts'
import { apartFacts, openPolicyCatalog, openPolicyKeyring, policyUnlock } from '../../access/policy-keys.ts'
import { recordKeyEvent } from '../../../procedures/keys/record-key-event.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'

export interface RewrapOptions {
  readonly newPassphrase?: string
  readonly newKeyFile?: string
}

interface NewSecret {
  readonly unlock: Unlock
  /** How the policy refers to it. */
  readonly reference: string
  /** A key file that was made for it. */
  readonly made: string | undefined
}

/**
 * Crash order: a new key file is durable before anything is wrapped by what it holds; the keyring's own write decides which
 * secret opens it; the policy is changed last, by the user. A crash in between leaves a key file that opens nothing yet,
 * which the same command uses when it is run again.
 */
export async function runKeysRewrap(context: CommandContext, options: RewrapOptions): Promise<Outcome> {
  const { output, world, signal } = context
  const { policy } = await openPolicy(context)
  using keyring = await openPolicyKeyring(policy, context)
  await using catalog = await openPolicyCatalog(policy, world)
  const secret = await newSecret(policy, options, context)
  try {
    await keyring.rewrap(secret.unlock, signal)
  } catch (error) {
    if (secret.made !== undefined && !(await opensWith(secret.unlock, policy, context))) {
      await unlink(secret.made).catch(() => {}) // It opens nothing; the first error is the one to tell.
    }
    throw error
  }
  await recordKeyEvent({ ...world, catalog }, 'rewrapped')
  const isChanged = options.newPassphrase !== undefined || options.newKeyFile !== undefined
  if (output.json) {
    output.document({ message_type: 'keys_rewrapped', keyring: keyring.file, unlock: secret.reference })
    return 'done'
  }
  output.line('all keys are wrapped anew; the secret before opens nothing of this keyring any more')
  if (isChanged) output.notice(`Write into the policy, under encryption.keyManagement.unlock: { ${secret.reference} }`)
  output.notice('Older copies of the keyring still open with the secret before: replace them')
  return 'done'
}

async function newSecret(policy: Policy, options: RewrapOptions, context: CommandContext): Promise<NewSecret> {
  const { world, signal } = context
  const { newPassphrase, newKeyFile } = options
  if (newPassphrase !== undefined && newKeyFile !== undefined) {
    throw new Failure('usage', 'Cannot rewrap the keys: both a new passphrase and a new key file are given')
  }
  if (newPassphrase !== undefined) {
    if (!secretReferenceSchema.safeParse(newPassphrase).success) {
      // It may be the passphrase itself, so it is not repeated.
      throw new Failure(
        'usage',
        'Cannot rewrap the keys: --new-passphrase is no reference, expected env:NAME or file:PATH',
      )
    }
    const path = /^file:(.*)$/s.exec(newPassphrase)?.[1]
    const reference = path === undefined ? newPassphrase : `file:${resolve(world.workingDirectory, path)}`
    if (path !== undefined) await requireApartFrom(policy, { name: 'the passphrase file', path: reference.slice(5) })
    const passphrase = await resolveSecret(reference, { environment: world.environment, readFile })
    return { unlock: { passphrase }, reference: `passphrase: "${reference}"`, made: undefined }
  }
  if (newKeyFile === undefined) {
    const { unlock } = policy.encryption.keyManagement
    const reference = 'keyFile' in unlock ? `keyFile: ${unlock.keyFile}` : `passphrase: "${unlock.passphrase}"`
    return { unlock: await policyUnlock(policy, world), reference, made: undefined }
  }
  const keyFile = resolve(world.workingDirectory, newKeyFile)
  await requireApartFrom(policy, { name: 'the key file', path: keyFile })
  const isThere = await exists(keyFile)
  if (!isThere) await createKeyFile(keyFile, world.random, signal)
  return { unlock: { keyFile }, reference: `keyFile: ${keyFile}`, made: isThere ? undefined : keyFile }
}

async function requireApartFrom(policy: Policy, secret: NamedPath): Promise<void> {
  const { locations, sources } = apartFacts(policy)
  for (const other of [...locations, ...sources]) await requireOutside(secret, other)
}

/** Whether the new secret opens the keyring already: then the failure came after the commit, and the secret must stay. */
async function opensWith(unlock: Unlock, policy: Policy, { world }: CommandContext): Promise<boolean> {
  const { openKeyring } = await import('../../../keys/open-keyring.ts')
  const file = policy.encryption.keyManagement.keyring
  try {
    // The command's own signal may be aborted by now, and this must be known all the same.
    using opened = await openKeyring({ file, unlock }, world, new AbortController().signal)
    return opened.sequence > 0
  } catch (error) {
    // Only where another secret is needed for sure may the new one go.
    return !(error instanceof Failure && error.code === 'keyring_locked')
  }
}
