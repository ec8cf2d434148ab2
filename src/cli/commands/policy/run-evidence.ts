import { resolve } from 'node:path'
import { writeNewFile } from '../../../keys/write-new-file.ts'
import { exportEvidence } from '../../../procedures/evidence/export-evidence.ts'
import { storeHeads } from '../../../procedures/evidence/store-heads.ts'
import { openInstallation } from '../../access/open-installation.ts'
import { openPolicy } from '../../access/open-policy.ts'
import { openPolicyKeyring } from '../../access/policy-keys.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatCount } from '../../output/format-count.ts'

export async function runEvidenceExport(context: CommandContext, { to }: { readonly to: string }): Promise<Outcome> {
  const { output, world, signal } = context
  await using opened = await openInstallation(context)
  const { installation, keyring } = opened
  const { catalog, clock, policy } = installation
  const path = resolve(world.workingDirectory, to)
  const signer = { environment: policy.environment, catalog, keyring, clock }
  const exported = await exportEvidence(signer, signal)
  const { troubles } = await storeHeads(installation, 'newest', signal)
  await writeNewFile(path, Buffer.from(`${exported.lines.join('\n')}\n`), 'export of the evidence')
  for (const message of troubles) output.problem({ during: 'store signed heads', item: 'locations', message })
  const { entries, heads } = exported
  const keys = keyring.evidenceKeys.map(({ id }) => id)
  if (output.json) {
    output.document({ message_type: 'evidence_exported', path, entries, heads: heads.length, keys, troubles })
  } else {
    output.line(
      `exported ${formatCount(entries, 'entry', 'entries')} and ${formatCount(heads.length, 'head')} to ${path}`,
    )
    output.notice('Verify it anywhere: `evidence verify FILE --public-key KEY`, with the key of `evidence public-key`')
  }
  return troubles.length === 0 ? 'done' : 'gaps'
}

export async function runEvidencePublicKey(context: CommandContext): Promise<Outcome> {
  const { output, signal } = context
  const { policy } = await openPolicy(context)
  using keyring = await openPolicyKeyring(policy, context)
  // A keyring that was made before there was evidence gets its key now.
  if (keyring.evidenceKeys.length === 0) await keyring.signEvidence('make a key', signal)
  const pem = keyring.evidenceKeys.map(({ publicKey }) => publicKey.export({ format: 'pem', type: 'spki' }).toString())
  if (output.json) {
    const keys = keyring.evidenceKeys.map(({ id, createdAt, retiredAt }, at) => ({
      id,
      created_at: createdAt,
      ...(retiredAt !== undefined && { retired_at: retiredAt }),
      public_key: pem[at],
    }))
    output.document({ message_type: 'evidence_public_keys', keys })
    return 'done'
  }
  for (const text of pem) output.line(text.trimEnd())
  return 'done'
}
