import { openKit } from '../../../keys/recovery-kit.ts'
import { recordKeyEvent } from '../../../procedures/keys/record-key-event.ts'
import { testKit } from '../../../procedures/keys/test-kit.ts'
import { locationsOf, openInstallation } from '../../access/open-installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatCount } from '../../output/format-count.ts'
import { readShares } from '../../access/read-shares.ts'

export async function runKitTest(
  context: CommandContext,
  { share }: { readonly share: readonly string[] },
): Promise<Outcome> {
  const { output, world, signal } = context
  const texts = await readShares(context, share)
  await using opened = await openInstallation(context)
  const { installation } = opened
  using kit = await openKit(texts, world, signal)
  const locations = locationsOf(context, installation.policy, kit)
  const proofs = await testKit(installation, { kit, locations }, signal)
  const failed = proofs.filter(({ state }) => state === 'not opened')
  const isProven = proofs.length > 0 && failed.length === 0
  const record = { ...world, catalog: installation.catalog }
  if (isProven) for (const { generation } of proofs) await recordKeyEvent(record, 'kit tested', { generation })
  for (const one of proofs) {
    if (one.state === 'opened') continue
    const item = `generation ${one.generation}`
    output.problem({ during: 'test the recovery kit', item, message: one.reason })
  }
  const { kit: name, threshold, shares } = kit.kit
  if (output.json) output.document({ message_type: 'kit_tested', kit: name, proven: isProven, proofs })
  else if (proofs.length === 0) output.line(`kit ${name} opens; there is no backup yet that would prove it`)
  else {
    for (const one of proofs) {
      if (one.state === 'opened') {
        output.line(
          `generation ${one.generation}: backup ${one.backup.slice(0, 8)} opened at the ${one.location} location`,
        )
      }
    }
    if (isProven) output.line(`proven: kit ${name}, any ${threshold} of ${formatCount(shares, 'share')}`)
  }
  return isProven ? 'done' : 'damaged'
}
