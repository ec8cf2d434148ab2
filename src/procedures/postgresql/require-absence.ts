import { Failure } from '../../base/failure.ts'
import { parseWalName, segmentNumber, segmentStart } from '../../sources/postgresql/wal-name.ts'
import type { Installation } from '../installation.ts'
import type { LocationAsked } from './open-wal-archive.ts'

export interface AbsentWal {
  readonly source: string
  readonly systemIdentifier: string
  /** As PostgreSQL names it. */
  readonly name: string
  readonly segmentBytes: number
  /** Its beginning was found, and is of no use since the server has more of it. */
  readonly hasBeginning: boolean
  /** What was asked of the locations when it was not found. */
  readonly locations: readonly LocationAsked[]
}

/**
 * Resolves where a file of WAL that was not found is truly not there, so that a server may take it for the end of the log.
 * Failure `storage_unreachable` where the location that all WAL goes to first could not be asked, or looks like a disk
 * that is not mounted; `keyring_locked` where WAL lies in a generation whose key the keyring has not; `wal_gap` where it
 * is on record that the log was stored beyond it.
 */
export async function requireAbsence(installation: Installation, wal: AbsentWal, signal: AbortSignal): Promise<void> {
  const [first] = wal.locations
  if (first?.state === 'away') throw untold(wal, first, first.failure.message, first.failure)
  await requireKnownGenerations(installation, wal, signal)
  const stands = (await installation.catalog.walStands()).filter(({ source }) => source === wal.source)
  if (first?.generations === 0) {
    const isElsewhere = wal.locations.some((one) => one.state === 'open' && one.generations > 0)
    const isOnRecord = stands.some(({ location }) => location === first.location)
    if (isElsewhere || isOnRecord) throw untold(wal, first, 'there is no WAL at all, and there was')
    if (!(await hasRepository(installation, first, signal))) {
      throw untold(wal, first, `nothing of ${installation.policy.environment} lies there`)
    }
  }
  const parsed = parseWalName(wal.name)
  if (wal.hasBeginning || parsed?.kind !== 'segment') return
  const start = segmentStart(segmentNumber(parsed, wal.segmentBytes), wal.segmentBytes)
  for (const { systemIdentifier, timeline, end, location } of stands) {
    if (systemIdentifier !== wal.systemIdentifier || timeline !== parsed.timeline || end <= start) continue
    if (!wal.locations.some((asked) => asked.location === location)) continue
    throw new Failure(
      'wal_gap',
      `Cannot fetch WAL "${wal.name}": it is not there, though the ${location} location had it`,
      {
        facts: { hint: 'Run `wal check`; `heal` brings back what the other location has' },
      },
    )
  }
}

/** A keyring that is older than the newest generation would have its WAL overlooked. */
async function requireKnownGenerations(
  { locations, generations }: Installation,
  wal: AbsentWal,
  signal: AbortSignal,
): Promise<void> {
  const next = 1 + Math.max(...generations.all.map(({ generation }) => generation))
  for (const { location, state } of wal.locations) {
    if (state === 'away') continue
    const storage = await locations.walStorage({ location, generation: next }, 'existing', signal)
    if (storage === undefined) continue
    await storage.close()
    throw new Failure(
      'keyring_locked',
      `Cannot tell whether WAL "${wal.name}" is stored: the ${location} location has generation ${next}, and the keyring has no key of it`,
      { facts: { hint: 'Use a newer copy of the keyring' } },
    )
  }
}

async function hasRepository(
  { locations, generations }: Installation,
  { location }: LocationAsked,
  signal: AbortSignal,
): Promise<boolean> {
  for (const generation of generations.open) if (await locations.has({ location, generation }, signal)) return true
  return false
}

function untold({ name }: AbsentWal, { location }: LocationAsked, found: string, cause?: Failure): Failure {
  return new Failure(
    'storage_unreachable',
    `Cannot tell whether WAL "${name}" is stored: ${location} location: ${found}`,
    {
      facts: {
        hint: 'Bring the location back. If it is lost for good, `wal fetch --location secondary` ends where the other one does',
      },
      ...(cause !== undefined && { cause }),
    },
  )
}
