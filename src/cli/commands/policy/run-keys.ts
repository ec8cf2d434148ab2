import { othersRights } from '../../../keys/check-keyring.ts'
import type { Generation } from '../../../keys/generation.ts'
import { planKeyRotation } from '../../../keys/plan-key-rotation.ts'
import { type ApartFacts, requireApart } from '../../../keys/require-apart.ts'
import { rotateKeys } from '../../../procedures/keys/rotate-keys.ts'
import { openPolicy } from '../../access/open-policy.ts'
import { apartFacts, openPolicyCatalog, openPolicyKeyring, policyUnlock } from '../../access/policy-keys.ts'
import { recordKeyEvent } from '../../../procedures/keys/record-key-event.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatCount } from '../../output/format-count.ts'
import { textTable } from '../../output/text-table.ts'

export async function runKeysList(context: CommandContext): Promise<Outcome> {
  const { output, world } = context
  const { policy } = await openPolicy(context)
  using keyring = await openPolicyKeyring(policy, context)
  await using catalog = await openPolicyCatalog(policy, world)
  await recordKeyEvent({ ...world, catalog }, 'opened')
  const { generations } = keyring
  const rotations = planKeyRotation(generations, policy.encryption.keyRotation, world.clock.now())
  const dueOf = ({ environment }: Generation): Date | undefined =>
    rotations.find((one) => one.environment === environment)?.dueAt
  if (output.json) {
    output.document({
      message_type: 'keys',
      keyring: keyring.file,
      generations: generations.map((one) => ({
        ...generationDocument(one),
        ...(one.state === 'active' ? { rotation_due: dueOf(one) } : {}),
      })),
    })
    return 'done'
  }
  const columns = [
    { title: 'Environment' },
    { title: 'Generation' },
    { title: 'State' },
    { title: 'Made' },
    { title: '' },
  ]
  const rows = generations.map((one) => [
    one.environment,
    one.generation.toString(),
    one.state,
    dayOf(one.createdAt),
    lifeOf(one, dueOf(one)),
  ])
  for (const line of textTable(columns, rows)) output.line(line)
  for (const { isDue, environment, reason } of rotations) {
    if (isDue) output.notice(`The key of ${environment} was ${reason}: run \`keys rotate\``)
  }
  return 'done'
}

export async function runKeysRotate(context: CommandContext, options: { readonly ifDue?: true }): Promise<Outcome> {
  const { output, world, signal } = context
  const { policy } = await openPolicy(context)
  const { environment, encryption } = policy
  const unlock = await policyUnlock(policy, world)
  using keyring = await openPolicyKeyring(policy, context)
  await using catalog = await openPolicyCatalog(policy, world)
  const plan = planKeyRotation(keyring.generations, encryption.keyRotation, world.clock.now()).find(
    (one) => one.environment === environment,
  )
  if (options.ifDue === true && plan?.isDue === false) {
    if (output.json) output.document({ message_type: 'keys_rotated', rotated: false, rotation_due: plan.dueAt })
    else output.line(`nothing to do: generation ${plan.generation} of ${environment} was ${plan.reason}`)
    return 'done'
  }
  const made = await rotateKeys(keyring, { environment, unlock }, { ...world, catalog }, signal)
  if (output.json) output.document({ message_type: 'keys_rotated', rotated: true, ...generationDocument(made) })
  else {
    output.line(`generation ${made.generation} of ${environment} is active from now on`)
    output.notice(
      'Backups of the ones before it can be restored as before. Export the keyring anew: `keys export --to FILE`',
    )
  }
  return 'done'
}

export async function runKeysCheck(context: CommandContext): Promise<Outcome> {
  const { output, world, signal } = context
  const { policy } = await openPolicy(context)
  const facts = apartFacts(policy)
  const { warnings } = await requireApart(facts)
  using keyring = await openPolicyKeyring(policy, context)
  await using catalog = await openPolicyCatalog(policy, world)
  const found = await keyring.check(signal)
  const faults = [...found.faults, ...(await secretFileFaults(facts, world))]
  await recordKeyEvent({ ...world, catalog }, 'checked')
  for (const fault of faults) output.problem({ during: 'check keys', item: keyring.file, message: fault })
  if (output.json) {
    output.document({
      message_type: 'keys_check',
      keyring: keyring.file,
      format_version: found.formatVersion,
      sequence: found.sequence,
      written_at: found.writtenAt,
      provider: found.provider,
      key_encryption_key_version: found.keyEncryptionKeyVersion,
      generations: found.generations.map((one) => generationDocument(one)),
      faults,
      warnings,
    })
  } else {
    const kept = found.generations.filter(({ state }) => state !== 'destroyed').length
    output.line(
      `${keyring.file}: version ${found.sequence}, ${formatCount(kept, 'key')} opened, ` +
        `key-encryption key ${found.keyEncryptionKeyVersion} of a ${found.provider}`,
    )
    for (const warning of warnings) output.notice(`note: ${warning}`)
  }
  return faults.length === 0 ? 'done' : 'damaged'
}

/** A passphrase that others may read guards nothing. (A key file that they may read does not even open.) */
async function secretFileFaults({ secrets }: ApartFacts, { userId }: CommandContext['world']): Promise<string[]> {
  const faults = await Promise.all((secrets ?? []).map(({ path }) => othersRights(path, 0o600, userId)))
  return faults.flat()
}

/** A generation in the words of --json. */
export function generationDocument(generation: Generation): Record<string, unknown> {
  return {
    environment: generation.environment,
    generation: generation.generation,
    state: generation.state,
    version: generation.version,
    created_at: generation.createdAt,
    ...('retiredAt' in generation ? { retired_at: generation.retiredAt } : {}),
    ...('destroyedAt' in generation ? { destroyed_at: generation.destroyedAt } : {}),
    ...('keyEncryptionKeyVersion' in generation
      ? { key_encryption_key_version: generation.keyEncryptionKeyVersion }
      : {}),
  }
}

function lifeOf(generation: Generation, due: Date | undefined): string {
  switch (generation.state) {
    case 'active':
      return due === undefined ? '' : `rotation due ${dayOf(due)}`
    case 'retired':
      return `retired ${dayOf(generation.retiredAt)}`
    case 'destroyed':
      return `destroyed ${dayOf(generation.destroyedAt)}`
    default:
      return generation satisfies never
  }
}

function dayOf(time: Date): string {
  return time.toISOString().slice(0, 10)
}
