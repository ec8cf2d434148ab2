import { isFailure } from '../../base/failure.ts'
import type { OpenKit } from '../../keys/recovery-kit.ts'
import type { Backup } from '../../model/backup.ts'
import { decodeManifest, manifestName } from '../../model/manifest-json.ts'
import type { LocationName } from '../../model/policy/policy.ts'
import { readAttachment } from '../../operations/attachments.ts'
import type { Locations } from '../../operations/locations/locations.ts'
import type { Installation } from '../installation.ts'
import { describeTrouble } from '../trouble.ts'

/** What a kit could do with the newest backup of a generation. */
export type KitProof = {
  readonly generation: number
  readonly backup: Backup['id']
  readonly location: LocationName | undefined
} & ({ readonly state: 'opened' } | { readonly state: 'not opened'; readonly reason: string })

/**
 * Opens the newest backup of each generation with the keys of a kit alone, and reads its manifest: at the secondary, where
 * it is after the loss of everything, else at the primary. `locations`: with the kit's keys. What the keyring has counts
 * for nothing here.
 */
export async function testKit(
  { catalog, policy }: Pick<Installation, 'catalog' | 'policy'>,
  { kit, locations }: { readonly kit: Pick<OpenKit, 'generations'>; readonly locations: Locations },
  signal: AbortSignal,
): Promise<readonly KitProof[]> {
  const backups = (await catalog.backups()).filter(({ environment }) => environment === policy.environment)
  const newest = new Map(backups.map((backup) => [backup.generation, backup]))
  const known = new Set(
    kit.generations
      .filter(({ environment, state }) => environment === policy.environment && state !== 'destroyed')
      .map(({ generation }) => generation),
  )
  const proofs: KitProof[] = []
  for (const [generation, backup] of [...newest].toSorted(([a], [b]) => a - b)) {
    if (!known.has(generation)) {
      const reason = 'the kit was made before this generation: make a new one with `keys kit create`'
      proofs.push({ generation, backup: backup.id, location: undefined, state: 'not opened', reason })
      continue
    }
    const copies = new Set((await catalog.copies(backup.id)).map(({ location }) => location))
    const there = locations.names.toReversed().filter((name) => copies.has(name))
    proofs.push(await openSomewhere(locations, backup, there, signal))
  }
  return proofs
}

async function openSomewhere(
  locations: Locations,
  backup: Backup,
  names: readonly LocationName[],
  signal: AbortSignal,
): Promise<KitProof> {
  const { id, generation } = backup
  const reasons: string[] = []
  for (const location of names) {
    try {
      await openWithKit(locations, backup, location, signal)
      return { generation, backup: id, location, state: 'opened' }
    } catch (error) {
      if (signal.aborted || !isFailure(error)) throw error
      reasons.push(`${location}: ${describeTrouble(error)}`)
    }
  }
  const reason = reasons.join('; ') || 'no location holds a copy'
  return { generation, backup: id, location: undefined, state: 'not opened', reason }
}

async function openWithKit(locations: Locations, backup: Backup, location: LocationName, signal: AbortSignal) {
  await using locked = await locations.lock({ location, generation: backup.generation }, 'shared', signal)
  const { repository, signal: held } = locked
  const snapshot = await repository.loadSnapshot(backup.id, held)
  await repository.loadIndex(held)
  const what = `the manifest of backup "${backup.id.slice(0, 8)}"`
  const bytes = await readAttachment(repository, snapshot, manifestName, held)
  // A backup without a manifest: its root tree was opened all the same.
  if (bytes !== undefined) decodeManifest(bytes, what)
}
