import { dirname, resolve } from 'node:path'
import { Failure, isFailure } from '../../../base/failure.ts'
import type { GenerationName } from '../../../keys/generation.ts'
import { createKeyFile } from '../../../keys/key-file-provider.ts'
import { exists } from '../../../keys/read-keyring-file.ts'
import type { ImportOutcome } from '../../../keys/merge-entries.ts'
import { recoverKeyring } from '../../../keys/open-keyring.ts'
import { requireOutside } from '../../../keys/require-apart.ts'
import { requireCopyApart } from '../../../keys/require-copy-apart.ts'
import { writeNewFile } from '../../../keys/write-new-file.ts'
import type { Policy } from '../../../model/policy/policy.ts'
import { storagePlace } from '../../../model/policy/storage-place.ts'
import { exportResticKey } from '../../../operations/keys/export-restic-key.ts'
import { exportMaterial } from '../../access/export-material.ts'
import { openPlace } from '../../access/open-place.ts'
import { openPolicy } from '../../access/open-policy.ts'
import { newPassword, type PasswordOptions } from '../../access/password.ts'
import {
  apartFacts,
  localLocations,
  openPolicyCatalog,
  openPolicyKeyring,
  policyUnlock,
} from '../../access/policy-keys.ts'
import { recordKeyEvent } from '../../../procedures/keys/record-key-event.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatCount } from '../../output/format-count.ts'
import { makeFolder } from './make-folder.ts'

export interface ExportOptions {
  readonly to?: string
  readonly restic?: true
  readonly into?: string
  readonly generation?: number
}

export async function runKeysExport(context: CommandContext, options: ExportOptions): Promise<Outcome> {
  const { to, restic, into, generation } = options
  if (restic === true && into !== undefined && to === undefined) return exportForRestic(context, into, generation)
  if (to !== undefined && restic === undefined && into === undefined && generation === undefined) {
    return exportKeyring(context, to)
  }
  throw new Failure('usage', 'Cannot export the keys: expected either --to <file>, or --restic with --into <copy>')
}

async function exportKeyring(context: CommandContext, to: string): Promise<Outcome> {
  const { output, world, signal } = context
  const { policy } = await openPolicy(context)
  const path = resolve(world.workingDirectory, to)
  const { locations, sources } = apartFacts(policy)
  for (const other of [...locations, ...sources]) await requireOutside({ name: 'the export', path }, other)
  using keyring = await openPolicyKeyring(policy, context)
  await using catalog = await openPolicyCatalog(policy, world)
  const passphrase = await newPassword(passwordOptions(context), 'passphrase for the export', world)
  const bytes = await keyring.exportMaterial(passphrase, signal)
  // On record first: an export that nobody knows of must not be.
  await recordKeyEvent({ ...world, catalog }, 'exported')
  await writeNewFile(path, bytes, 'export of the keyring')
  const count = keyring.generations.filter(({ state }) => state !== 'destroyed').length
  if (output.json) output.document({ message_type: 'keys_exported', path, generations: count })
  else output.line(`exported ${formatCount(count, 'key')} to ${path}; keep it and its passphrase apart`)
  return 'done'
}

async function exportForRestic(context: CommandContext, into: string, number: number | undefined): Promise<Outcome> {
  const { output, world, signal } = context
  const { policy } = await openPolicy(context)
  const copy = await requireCopy(policy, into, context)
  using keyring = await openPolicyKeyring(policy, context)
  await using catalog = await openPolicyCatalog(policy, world)
  const password = await newPassword(passwordOptions(context), 'password for restic', world)
  const storage = await openPlace(copy, { open: 'existing', use: 'write' }, context)
  const { environment } = policy
  const generation: { generation?: GenerationName } =
    number === undefined ? {} : { generation: { environment, generation: number } }
  await recordKeyEvent({ ...world, catalog }, 'exported', generation.generation)
  const { clock, random, hostname, username } = world
  const origin = { clock, random, hostname, username, password }
  const exported = await exportResticKey({ storage, keyring, ...generation, ...origin }, signal)
  if (output.json) {
    output.document({ message_type: 'keys_exported', into, id: exported.id, ...exported.generation })
  } else {
    output.line(
      `"${into}" (generation ${exported.generation.generation}) opens with stock restic and this password now`,
    )
  }
  return 'done'
}

export async function runKeysImport(
  context: CommandContext,
  { file, share }: { readonly file: string | undefined; readonly share: readonly string[] },
): Promise<Outcome> {
  const { output, world, signal } = context
  if ((file === undefined) === (share.length === 0))
    throw new Failure(
      'usage',
      'Cannot import keys: expected either the file of an export, or shares of the recovery kit',
    )
  const { policy } = await openPolicy(context)
  const path = file === undefined ? {} : { keyringExport: resolve(world.workingDirectory, file) }
  const { exported, exportUnlock } = await exportMaterial(context, { ...path, shares: share })
  const place = { file: policy.encryption.keyManagement.keyring, unlock: await policyUnlock(policy, world) }
  let outcome: ImportOutcome
  try {
    using keyring = await openPolicyKeyring(policy, context)
    outcome = await keyring.import(exported, exportUnlock, signal)
  } catch (error) {
    if (!isFailure(error, 'keyring_missing')) throw error
    const { unlock } = place
    // A key file opens one keyring alone; that of a keyring that is lost may be lost with it.
    // A crash behind it leaves one that opens nothing yet; the same import takes it for the keyring that it makes.
    if ('keyFile' in unlock && !(await exists(unlock.keyFile))) {
      await makeFolder(dirname(unlock.keyFile))
      await createKeyFile(unlock.keyFile, world.random, signal)
    }
    using keyring = await recoverKeyring({ ...place, exported, exportUnlock }, world, signal)
    outcome = { added: keyring.generations, present: [], destroyedHere: [] }
  }
  await using catalog = await openPolicyCatalog(policy, world)
  if (share.length > 0) await recordKeyEvent({ ...world, catalog }, 'kit opened')
  for (const generation of outcome.added) await recordKeyEvent({ ...world, catalog }, 'imported', generation)
  const { added, present, destroyedHere } = outcome
  if (output.json) {
    output.document({
      message_type: 'keys_imported',
      keyring: place.file,
      added: names(added),
      present: names(present),
      destroyed_here: names(destroyedHere),
    })
    return 'done'
  }
  output.line(`${formatCount(added.length, 'generation')} added, ${present.length} already there`)
  if (destroyedHere.length > 0) output.notice(`${destroyedHere.length} were destroyed here, and stay so`)
  return 'done'
}

function names(all: readonly GenerationName[]): GenerationName[] {
  return all.map(({ environment, generation }) => ({ environment, generation }))
}

/** The place of the copy. Failure `refused` where it is a location of the policy, on this machine or elsewhere. */
async function requireCopy(policy: Policy, into: string, { world }: CommandContext): Promise<string> {
  const place = storagePlace(into)
  if (place.adapter === 'local') {
    const path = resolve(world.workingDirectory, place.path)
    await requireCopyApart(path, localLocations(policy))
    return `local:${path}`
  }
  for (const { primary, secondary } of Object.values(policy.locations)) {
    for (const location of [primary, secondary]) {
      if (location === 'N/A') continue
      const [one, other] = [`${into}/`, `${location.storage}/`]
      if (!one.startsWith(other) && !other.startsWith(one)) continue
      throw new Failure('refused', `Cannot put a key into "${into}": it belongs to a location of the policy`, {
        facts: { hint: 'Copy the repository to a place apart from it first, and name the copy' },
      })
    }
  }
  return into
}

/** Not RESTIC_PASSWORD of the environment: that is a repository's, and nobody would know that it was taken for this. */
function passwordOptions({ globals }: CommandContext): PasswordOptions {
  const { passwordFile, passwordCommand } = globals
  return { password: undefined, passwordFile, passwordCommand, insecureNoPassword: false }
}
