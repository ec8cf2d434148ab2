import { Failure } from '../../../base/failure.ts'
import type { LocationName } from '../../../model/policy/policy.ts'
import { onRecord } from '../../../procedures/on-record.ts'
import { verifyHeads } from '../../../procedures/evidence/verify-heads.ts'
import { type RepositoryVerified, verifyAll } from '../../../procedures/verify-all.ts'
import { openInstallation } from '../../access/open-installation.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatBytes } from '../../output/format-bytes.ts'
import { formatCount } from '../../output/format-count.ts'
import { newRunId } from './new-run-id.ts'
import { watching } from './watching.ts'

export interface VerifyOptions {
  readonly readData?: true
  readonly structureOnly?: true
  readonly location?: LocationName
}

export async function runVerify(context: CommandContext, options: VerifyOptions): Promise<Outcome> {
  const { world, signal } = context
  if (options.readData === true && options.structureOnly === true) {
    throw new Failure('usage', 'Cannot verify: --read-data reads everything, and --structure-only nothing')
  }
  await using opened = await openInstallation(context)
  const { installation } = opened
  if (options.location !== undefined) installation.locations.placeOf(options.location)
  await using watch = watching(context)
  const id = newRunId(world.random)
  const order = {
    run: id,
    locations: options.location === undefined ? installation.locations.names : [options.location],
    data: options.readData === true ? 'all' : options.structureOnly === true ? 'none' : 'rotating',
  } as const
  const run = { id, procedure: 'verify', trigger: 'person', source: undefined } as const
  const verified = await onRecord(installation, run, async () => {
    const repositories = await verifyAll(installation, order, watch, signal)
    const { troubles } = await verifyHeads(installation, order.locations, signal)
    const answer = { repositories, troubles }
    const gaps = repositories
      .filter(({ state }) => state !== 'intact')
      .map((one) => `${one.location} generation ${one.generation}: ${one.state}`)
      .concat(troubles)
    return { answer, summary: `verified ${formatCount(repositories.length, 'repository', 'repositories')}`, gaps }
  })
  await watch.end()
  const { repositories, troubles } = verified
  for (const one of repositories) tell(context, one)
  for (const message of troubles) context.output.problem({ during: 'verify', item: 'evidence', message })
  if (repositories.some(({ state }) => state === 'damaged')) return 'damaged'
  return troubles.length > 0 || repositories.some(({ state }) => state === 'not verified') ? 'gaps' : 'done'
}

function tell({ output }: CommandContext, one: RepositoryVerified): void {
  const item = `${one.location} generation ${one.generation}`
  for (const { objectName, detail } of one.faults)
    output.problem({ during: `verify ${item}`, item: objectName, message: detail })
  if (output.json) {
    output.document({
      message_type: 'verified',
      location: one.location,
      generation: one.generation,
      state: one.state,
      snapshots: one.snapshots,
      packs: one.packs,
      packs_read: one.readPacks,
      wal_files: one.walFiles,
      wal_files_read: one.readWalFiles,
      bytes_read: one.readBytes,
      faults: one.faultsTotal,
    })
    return
  }
  const read = `read ${formatCount(one.readPacks, 'pack')} of ${one.packs}, ${formatBytes(one.readBytes)}`
  const wal = one.walFiles === 0 ? '' : `; read ${formatCount(one.readWalFiles, 'file')} of WAL of ${one.walFiles}`
  output.line(`${item}: ${one.state}; ${formatCount(one.snapshots, 'backup')}, ${read}${wal}`)
  if (one.faultsTotal > 0) output.line(`  ${formatCount(one.faultsTotal, 'fault')}: run \`zakops-backup heal\``)
}
