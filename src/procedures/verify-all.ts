import { Failure, isFailure } from '../base/failure.ts'
import type { Id } from '../model/id.ts'
import type { LocationName } from '../model/policy/policy.ts'
import type { CheckReport } from '../operations/check/check-report.ts'
import type { ReadChoice } from '../operations/check/read-choice.ts'
import { verifyRepository } from '../operations/locations/verify-repository.ts'
import type { Installation, Watch } from './installation.ts'
import { verifyWal, type WalVerified } from './postgresql/verify-wal.ts'
import { describeTrouble } from './trouble.ts'

/** Everything is read within so many weeks: less than any month has. */
const verificationParts = 4
const weekMs = 7 * 86_400_000

export interface VerifyOrder {
  readonly run: string
  readonly locations: readonly LocationName[]
  /** What of the data to read besides the structure: this week's quarter, everything, or nothing. */
  readonly data: 'rotating' | 'all' | 'none'
  /** Whose week's quarter is meant: when it was due, which may be a while ago. Without it, this week's. */
  readonly week?: Date
}

/** What verifying one repository showed. Plain JSON. */
export interface RepositoryVerified {
  readonly location: LocationName
  readonly generation: number
  readonly state: 'intact' | 'damaged' | 'not verified'
  readonly snapshots: number
  readonly packs: number
  readonly readPacks: number
  readonly readBytes: number
  /** Files of WAL, and those of them that were read. */
  readonly walFiles: number
  readonly readWalFiles: number
  /** At most a hundred: what is wrong, with the object's name; or why it could not be verified. */
  readonly faults: readonly { readonly objectName: string; readonly detail: string }[]
  readonly faultsTotal: number
}

/** The part of the data whose turn it is in this week, so that each is read every four weeks. */
export function weeklyPart(now: Date): { readonly part: number; readonly parts: number } {
  const week = Math.floor(now.getTime() / weekMs)
  return { part: 1 + (week % verificationParts), parts: verificationParts }
}

/**
 * Verifies every generation at the locations and puts what was found on record. Damage is part of the answer, as is
 * a location that can not be reached. May be run twice.
 */
export async function verifyAll(
  installation: Installation,
  order: VerifyOrder,
  watch: Watch,
  signal: AbortSignal,
): Promise<readonly RepositoryVerified[]> {
  const verified: RepositoryVerified[] = []
  for (const location of order.locations) {
    for (const generation of installation.generations.open) {
      const one = await verifyOne(installation, order, { location, generation }, watch, signal)
      if (one !== undefined) verified.push(one)
    }
  }
  return verified
}

async function verifyOne(
  installation: Installation,
  order: VerifyOrder,
  choice: { readonly location: LocationName; readonly generation: number },
  watch: Watch,
  signal: AbortSignal,
): Promise<RepositoryVerified | undefined> {
  const { locations, catalog, clock, random } = installation
  const now = clock.now()
  try {
    if (!(await locations.has(choice, signal))) {
      const copies = await expectedCopies(installation, choice)
      if (copies.length === 0) return await walAlone(installation, order, choice, now, signal) // A generation that no backup was put into yet.
      throw new Failure('repository_missing', `Cannot verify "${locations.repositoryPlace(choice)}": it is not there`, {
        facts: { hint: `${copies.length} backups should be in it; run \`heal\`` },
      })
    }
    const expected = (): Promise<readonly Id[]> => expectedCopies(installation, choice)
    const report = await verifyRepository(
      { locations, choice, read: readChoice(order, now), expected },
      { progress: watch.progress, random },
      signal,
    )
    const wal = await verifyWal(installation, choice, readChoiceOfWal(order, now), signal)
    const { counts, faults, omitted } = report
    const faultCount = faults.length + omitted + wal.faults.length
    const common = { run: order.run, at: now, ...choice, objects: counts.packs + wal.readObjects, faults: faultCount }
    await catalog.addVerification({ ...common, scope: { kind: 'structure' }, bytes: 0 })
    const part = dataPart(order, now)
    if (part !== undefined)
      await catalog.addVerification({ ...common, scope: part, bytes: counts.readBytes + wal.readBytes })
    return described(choice, report, wal)
  } catch (error) {
    if (signal.aborted || !isFailure(error)) throw error
    const faults = [{ objectName: locations.repositoryPlace(choice), detail: describeTrouble(error) }]
    const state =
      error.code === 'repository_damaged' || error.code === 'repository_missing' ? 'damaged' : 'not verified'
    return {
      ...choice,
      state,
      snapshots: 0,
      packs: 0,
      readPacks: 0,
      readBytes: 0,
      walFiles: 0,
      readWalFiles: 0,
      faults,
      faultsTotal: 1,
    }
  }
}

async function expectedCopies(
  { catalog, policy }: Installation,
  { location, generation }: { readonly location: LocationName; readonly generation: number },
): Promise<readonly Id[]> {
  const there = new Set(
    (await catalog.copies()).filter((copy) => copy.location === location).map(({ backup }) => backup),
  )
  const stored = (await catalog.backups()).filter(
    ({ id, environment, generation: of }) => environment === policy.environment && of === generation && there.has(id),
  )
  return stored.map(({ id }) => id)
}

function readChoice({ data, week }: VerifyOrder, now: Date): ReadChoice {
  return data === 'rotating' ? weeklyPart(week ?? now) : data
}

function dataPart(
  { data, week }: VerifyOrder,
  now: Date,
): { readonly kind: 'data'; readonly part: number; readonly of: number } | undefined {
  if (data === 'none') return undefined
  const { part, parts } = data === 'all' ? { part: 1, parts: 1 } : weeklyPart(week ?? now)
  return { kind: 'data', part, of: parts }
}

const faultsMax = 100

function described(
  choice: { readonly location: LocationName; readonly generation: number },
  { counts, faults, omitted }: CheckReport,
  wal: WalVerified,
): RepositoryVerified {
  const all = [...faults.map(({ objectName, detail }) => ({ objectName, detail })), ...wal.faults]
  return {
    ...choice,
    state: all.length === 0 ? 'intact' : 'damaged',
    snapshots: counts.snapshots,
    packs: counts.packs,
    readPacks: counts.readPacks,
    readBytes: counts.readBytes + wal.readBytes,
    walFiles: wal.objects,
    readWalFiles: wal.readObjects,
    faults: all.slice(0, faultsMax),
    faultsTotal: all.length + omitted,
  }
}

/** A generation of which WAL is there and no backup yet. */
async function walAlone(
  installation: Installation,
  order: VerifyOrder,
  choice: { readonly location: LocationName; readonly generation: number },
  now: Date,
  signal: AbortSignal,
): Promise<RepositoryVerified | undefined> {
  const wal = await verifyWal(installation, choice, readChoiceOfWal(order, now), signal)
  if (wal.objects === 0) return undefined
  return {
    ...choice,
    state: wal.faults.length === 0 ? 'intact' : 'damaged',
    snapshots: 0,
    packs: 0,
    readPacks: 0,
    readBytes: wal.readBytes,
    walFiles: wal.objects,
    readWalFiles: wal.readObjects,
    faults: wal.faults.slice(0, faultsMax),
    faultsTotal: wal.faults.length,
  }
}

/** The same part of the WAL as of the packs. */
function readChoiceOfWal({ data, week }: VerifyOrder, now: Date): 'all' | 'none' | ReturnType<typeof weeklyPart> {
  return data === 'rotating' ? weeklyPart(week ?? now) : data
}
