import { join, resolve } from 'node:path'
import { Failure } from '../../../base/failure.ts'
import { keyringOfShares, makeKit, openKit } from '../../../keys/recovery-kit.ts'
import { requireOutside } from '../../../keys/require-apart.ts'
import { requireCopyApart } from '../../../keys/require-copy-apart.ts'
import { writeNewFile } from '../../../keys/write-new-file.ts'
import { formatDay } from '../../../model/age.ts'
import { storagePlace } from '../../../model/policy/storage-place.ts'
import { exportResticKey } from '../../../operations/keys/export-restic-key.ts'
import { kitResticKeys } from '../../../operations/keys/kit-restic-keys.ts'
import { recordKeyEvent } from '../../../procedures/keys/record-key-event.ts'
import { openPlace } from '../../access/open-place.ts'
import { openPolicy } from '../../access/open-policy.ts'
import { newPassword } from '../../access/password.ts'
import { apartFacts, openPolicyCatalog, openPolicyKeyring } from '../../access/policy-keys.ts'
import { readShares } from '../../access/read-shares.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatCount } from '../../output/format-count.ts'
import { makeFolder } from './make-folder.ts'
import { sharePage, shareText } from './kit-page.ts'

export async function runKitCreate(
  context: CommandContext,
  { shares, threshold, to }: { readonly shares: number; readonly threshold: number; readonly to: string },
): Promise<Outcome> {
  const { output, world, signal } = context
  const { policy, document } = await openPolicy(context)
  const folder = resolve(world.workingDirectory, to)
  const { locations, sources } = apartFacts(policy)
  for (const other of [...locations, ...sources])
    await requireOutside({ name: 'the recovery kit', path: folder }, other)
  using keyring = await openPolicyKeyring(policy, context)
  await using catalog = await openPolicyCatalog(policy, world)
  const { environment } = policy
  const { primary, secondary } = policy.locations[environment]!
  const places = { primary: primary.storage, secondary: secondary === 'N/A' ? null : secondary.storage }
  const { clock, random, hostname, username } = world
  const facts = { environment, createdAt: clock.now(), shares, threshold, places }
  const made = await makeKit({ ...facts, random, policy: document.text }, async (password) => ({
    exported: await keyring.exportMaterial(password, signal),
    restic: await kitResticKeys({ keyring, environment, password, clock, random, hostname, username }, signal),
  }))
  // On record first, as an export: a kit that nobody knows of must not be.
  await recordKeyEvent({ ...world, catalog }, 'kit created')
  await makeFolder(folder)
  const guide = { facts: made.facts, restic: made.restic, version: world.version }
  for (const share of made.shares) {
    const name = join(folder, `share-${share.number}`)
    await writeNewFile(`${name}.txt`, Buffer.from(shareText(share, guide)), 'share of the recovery kit')
    await writeNewFile(`${name}.html`, Buffer.from(sharePage(share, guide)), 'share of the recovery kit')
  }
  const { kit } = made.facts
  if (output.json) output.document({ message_type: 'kit_created', kit, shares, threshold, folder })
  else {
    output.line(`kit ${kit}: ${formatCount(shares, 'share')} in ${folder}, any ${threshold} of them open it`)
    output.notice('Print each page, give it to its holder, then remove the files: `shred -u`, or destroy the medium.')
    output.notice('Prove it now: `keys kit test --share FILE …` with what the holders got.')
  }
  return 'done'
}

/** Needs nothing but the shares and the copy: for the day on which all else is gone. */
export async function runKitOpen(
  context: CommandContext,
  {
    share,
    into,
    policyTo,
  }: { readonly share: readonly string[]; readonly into?: string | undefined; readonly policyTo?: string | undefined },
): Promise<Outcome> {
  if ((into === undefined) === (policyTo === undefined))
    throw new Failure('usage', 'Cannot open the recovery kit: expected either --into or --policy-to')
  if (into !== undefined) return await openForRestic(context, { share, into })
  return await writeKitPolicy(context, { share, to: policyTo! })
}

/** The first thing that a new machine needs: all other commands work under a policy. */
async function writeKitPolicy(
  context: CommandContext,
  { share, to }: { readonly share: readonly string[]; readonly to: string },
): Promise<Outcome> {
  const { output, world } = context
  const { kit, policy } = await keyringOfShares(await readShares(context, share))
  if (policy === undefined) {
    throw new Failure('unsupported', `Cannot write the policy of kit ${kit.kit}: an older program made it without`, {
      facts: { hint: 'Bring the policy file from another place' },
    })
  }
  const path = resolve(world.workingDirectory, to)
  await writeNewFile(path, Buffer.from(policy), 'policy')
  if (output.json)
    output.document({ message_type: 'kit_policy_written', kit: kit.kit, created_at: kit.createdAt, path })
  else output.line(`${path} is the policy as it was on ${formatDay(kit.createdAt)}, when kit ${kit.kit} was made`)
  return 'done'
}

async function openForRestic(
  context: CommandContext,
  { share, into }: { readonly share: readonly string[]; readonly into: string },
): Promise<Outcome> {
  const { output, world, signal } = context
  using kit = await openKit(await readShares(context, share), world, signal)
  const { adapter, path } = storagePlace(into)
  const place = adapter === 'local' ? `local:${resolve(world.workingDirectory, path)}` : into
  await requireNoLocation(place, kit.kit.places)
  const { globals, clock, random, hostname, username } = { ...world, globals: context.globals }
  const given = { passwordFile: globals.passwordFile, passwordCommand: globals.passwordCommand }
  const options = { ...given, password: undefined, insecureNoPassword: false }
  const password = await newPassword(options, 'password for restic', world)
  const storage = await openPlace(place, { open: 'existing', use: 'write' }, context)
  try {
    const origin = { clock, random, hostname, username, password }
    const { id, generation } = await exportResticKey({ storage, keyring: kit, ...origin }, signal)
    if (output.json) output.document({ message_type: 'kit_opened', into, id, ...generation })
    else output.line(`"${into}" (generation ${generation.generation}) opens with stock restic and this password now`)
  } finally {
    await storage.close()
  }
  return 'done'
}

async function requireNoLocation(
  place: string,
  places: { readonly primary: string; readonly secondary: string | null },
): Promise<void> {
  const { adapter, path } = storagePlace(place)
  if (adapter !== 'local') return
  const locations = Object.entries(places).flatMap(([name, text]) => {
    const location = text === null ? undefined : storagePlace(text)
    return location?.adapter === 'local' ? [{ name: `location ${name} of the kit`, path: location.path }] : []
  })
  await requireCopyApart(path, locations)
}
