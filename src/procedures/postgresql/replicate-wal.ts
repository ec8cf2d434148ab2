import { isFailure } from '../../base/failure.ts'
import { mirrorWal } from '../../operations/wal/mirror-wal.ts'
import type { Installation } from '../installation.ts'
import { describeTrouble } from '../trouble.ts'
import { openWalObjects } from './wal-objects.ts'

/** What copying the WAL of one generation off-site came to. Plain JSON. */
export interface WalReplicated {
  readonly copiedObjects: number
  readonly copiedBytes: number
  readonly troubles: readonly string[]
}

/**
 * Copies the WAL of a generation to the secondary location, each object verified on its way. Nothing is removed there: that
 * is retention's, by its own plan, so that what the primary loses is not lost twice. Nothing where the environment has
 * no secondary. May be run twice, and stopped anywhere. A location that is away is a trouble of the answer.
 */
export async function replicateWal(
  installation: Installation,
  generation: number,
  signal: AbortSignal,
): Promise<WalReplicated> {
  const { locations, catalog, generations } = installation
  const answer = { copiedObjects: 0, copiedBytes: 0 }
  if (!locations.names.includes('secondary')) return { ...answer, troubles: [] }
  const troubles: string[] = []
  try {
    // What is stored from now on may not be among what is listed below.
    const stands = (await catalog.walStands()).filter(({ location }) => location === 'primary')
    await using primary = await openWalObjects(installation, { location: 'primary', generation }, signal)
    if (primary === undefined || primary.objects.length === 0) return { ...answer, troubles }
    const to = await locations.walStorage({ location: 'secondary', generation }, 'create', signal)
    try {
      for (const source of new Set(primary.objects.map((object) => object.source))) {
        const request = { from: primary.storage, to: to!, prefix: `${source}/`, surplus: 'keep' } as const
        const { copied, copiedBytes, damaged } = await mirrorWal(request, signal)
        answer.copiedObjects += copied
        answer.copiedBytes += copiedBytes
        troubles.push(...damaged.map((objectName) => `WAL "${objectName}" is damaged at the primary location`))
        const stand = stands.find((one) => one.source === source)
        if (stand === undefined || damaged.length > 0 || generation !== generations.active) continue
        await catalog.setWalStand({ ...stand, location: 'secondary' })
      }
    } finally {
      await to?.close()
    }
  } catch (error) {
    if (signal.aborted || !isFailure(error)) throw error
    troubles.push(`the WAL of generation ${generation} was not copied: ${describeTrouble(error)}`)
  }
  return { ...answer, troubles }
}
