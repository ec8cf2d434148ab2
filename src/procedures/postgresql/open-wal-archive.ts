import { type Failure, isFailure } from '../../base/failure.ts'
import type { LocationName } from '../../model/policy/policy.ts'
import { WalArchive } from '../../operations/wal/wal-archive.ts'
import type { WalPlace } from '../../operations/wal/wal-store.ts'
import type { Installation, Watch } from '../installation.ts'

/** A source's stored WAL. Disposing it closes the storages. */
export interface OpenedArchive extends AsyncDisposable {
  readonly archive: WalArchive
  /** What was asked of each location: in how many generations it has WAL of the source's environment, or why it could not be asked. */
  readonly locations: readonly LocationAsked[]
}

export type LocationAsked =
  | { readonly location: LocationName; readonly state: 'open'; readonly generations: number }
  | { readonly location: LocationName; readonly state: 'away'; readonly failure: Failure }

export interface ArchiveRequest {
  readonly source: string
  /** `store`: new WAL goes into the active generation, whose place is made. `read`: whatever there is, wherever it is. */
  readonly use: 'store' | 'read'
  /** Of one location only, without the other as its copy. */
  readonly location?: LocationName
  /** Of these generations only; of all whose key is there where it is not given. */
  readonly generations?: readonly number[]
}

/**
 * Opens a source's WAL over all generations whose key is there. For reading, the other location's copies stand in for what
 * is missing or damaged, and for a primary that is away. Failure `storage_unreachable` where no location is there, or, for
 * storing, the primary is not.
 */
export async function openWalArchive(
  installation: Installation,
  request: ArchiveRequest,
  watch: Pick<Watch, 'notice'>,
  signal: AbortSignal,
): Promise<OpenedArchive> {
  const { locations, clock, random } = installation
  await using held = new AsyncDisposableStack()
  const names = request.location === undefined ? locations.names : [request.location]
  const places = new Map<LocationName, WalPlace[]>()
  const asked: LocationAsked[] = []
  for (const name of names) {
    if (request.use === 'store' && name !== 'primary') continue
    try {
      const found = await placesAt(installation, name, request, held, signal)
      places.set(name, found)
      asked.push({ location: name, state: 'open', generations: found.length })
    } catch (error) {
      const mayBeAway = request.use === 'read' && request.location === undefined
      if (signal.aborted || !isFailure(error) || !mayBeAway) throw error
      watch.notice(`the WAL at the ${name} location can not be read: ${error.message}`)
      asked.push({ location: name, state: 'away', failure: error })
    }
  }
  const [away] = asked
  if (places.size === 0 && away?.state === 'away') throw away.failure
  const [first, ...others] = names.flatMap((name) => (places.has(name) ? [places.get(name)!] : []))
  const archive = new WalArchive({ primary: first!, copies: others.flat() }, { clock, random })
  held.defer(() => archive[Symbol.dispose]())
  const stack = held.move()
  return { archive, locations: asked, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

async function placesAt(
  { locations, generations }: Installation,
  location: LocationName,
  { source, use, generations: wanted }: ArchiveRequest,
  held: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<WalPlace[]> {
  const places: WalPlace[] = []
  for (const generation of wanted ?? generations.open) {
    const open = use === 'store' && generation === generations.active ? 'create' : 'existing'
    const storage = await locations.walStorage({ location, generation }, open, signal)
    if (storage === undefined) continue
    held.defer(() => storage.close())
    places.push({ storage, prefix: `${source}/`, generation, key: locations.keyOf(generation) })
  }
  return places
}
