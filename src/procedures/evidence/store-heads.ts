import { canonicalJson } from '../../base/canonical-json.ts'
import type { Clock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import {
  type AlarmHead,
  alarmNote,
  describeAlarm,
  type EvidenceAlarm,
  readAlarms,
} from '../../model/evidence/evidence-alarm.ts'
import { headDigest, headDocument, type SignedHead } from '../../model/evidence/signed-head.ts'
import type { LocationName, Policy } from '../../model/policy/policy.ts'
import type { Locations } from '../../operations/locations/locations.ts'
import type { Storage } from '../../storage/storage.ts'
import type { Installation } from '../installation.ts'
import { describeTrouble } from '../trouble.ts'
import { headObjectName, ledgerInName, otherHeadObjectName, readHeadObject } from './head-objects.ts'

/** Heads that are there already are read and compared, the newest so many of them, where not all are. */
const comparedMax = 10

/** What the heads are kept with. */
export interface HeadKeeper {
  readonly locations: Pick<Locations, 'names' | 'evidence'>
  readonly catalog: Pick<Catalog, 'heads' | 'ledgerEnd' | 'headsAt' | 'noteHeadsAt' | 'evidence' | 'addEvidence'>
  readonly policy: Pick<Policy, 'environment'>
  readonly evidenceKeys: Installation['evidenceKeys']
  readonly clock: Pick<Clock, 'now'>
  readonly host: Pick<Installation['host'], 'username' | 'hostname'>
}

export interface HeadsStored {
  readonly location: LocationName
  /** How many were put there now. */
  readonly stored: number
}

/**
 * Puts signed heads at every location where they are not yet, as objects that nothing replaces. May be repeated: each
 * head is there whole or not at all, and the next call puts what is missing. What does not go with the evidence is a trouble, a
 * sentence, and an alarm on record: heads that lay there and were removed; heads of this ledger that the catalog does not have, which
 * shows when it was set back to an older state, or its end was cut off; something else under the name of a head, which then gets
 * another name. What a person acknowledged is none any more. A location that can not be reached is a trouble.
 *
 * `compare`: which of those that are there are read, the newest or all.
 *
 * Crash order: the alarm, then what is put back, so that nothing is mended that is not on record.
 */
export async function storeHeads(
  keeper: HeadKeeper,
  compare: 'newest' | 'all',
  signal: AbortSignal,
): Promise<{ readonly stored: readonly HeadsStored[]; readonly troubles: readonly string[] }> {
  const done: HeadsStored[] = []
  const troubles: string[] = []
  for (const location of keeper.locations.names) {
    try {
      await using storage = await keeper.locations.evidence(location, signal)
      if (storage === undefined) continue // With the first backup that lies there.
      const { stored, troubles: found } = await storeAt(keeper, { location, storage: storage.inside, compare }, signal)
      done.push({ location, stored })
      troubles.push(...found.map((one) => `evidence: ${one}`))
    } catch (error) {
      if (signal.aborted || !isFailure(error)) throw error
      troubles.push(`evidence at the ${location} location: ${describeTrouble(error)}`)
    }
  }
  return { stored: done, troubles }
}

interface HeadPlace {
  readonly location: LocationName
  readonly storage: Storage
  readonly compare: 'newest' | 'all'
}

async function storeAt(
  keeper: HeadKeeper,
  place: HeadPlace,
  signal: AbortSignal,
): Promise<{ readonly stored: number; readonly troubles: readonly string[] }> {
  const { catalog } = keeper
  const { location, storage } = place
  // Before the listing: what was noted by then must be in it, whoever else is putting heads there.
  const lay = await catalog.headsAt(location)
  const there = new Map<string, number>()
  for await (const { objectName, size } of storage.list('', signal)) there.set(objectName, size)
  const heads = await catalog.heads()
  const { missing, strange, known } = await lookAt(heads, { ...place, there }, signal)
  const troubles: string[] = []
  const removed = missing.filter(({ digest }) => lay.has(digest))
  if (removed.length > 0) troubles.push(await raise(keeper, { cause: 'heads removed', location, heads: removed }))
  for (const { name, head } of missing) {
    const body = Buffer.from(`${canonicalJson(headDocument(head))}\n`)
    await storage.put(name, body, { whenPresent: 'keep' }, signal)
  }
  await catalog.noteHeadsAt(location, heads.map(headDigest))
  const unknown = [...strange, ...(await unknownObjects(keeper, { ...place, there, heads, known }, signal))]
  const trouble = await raiseUnknown(keeper, place, { there, unknown }, signal)
  return { stored: missing.length, troubles: trouble === undefined ? troubles : [...troubles, trouble] }
}

interface HeadToPut extends AlarmHead {
  readonly head: SignedHead
}

interface HeadsThere {
  /** To be put there, under these names. */
  readonly missing: readonly HeadToPut[]
  /** Names of heads that something else has. */
  readonly strange: readonly string[]
  /** Names that are looked after: by the head that lies there or is put there, or among those that are strange. */
  readonly known: ReadonlySet<string>
}

/** Looks for each head under its two names. Where it has neither, it is to be put under the first one that is free. */
async function lookAt(
  heads: readonly SignedHead[],
  { storage, there, compare }: HeadPlace & { readonly there: ReadonlyMap<string, number> },
  signal: AbortSignal,
): Promise<HeadsThere> {
  const missing: HeadToPut[] = []
  const strange: string[] = []
  const known = new Set<string>()
  for (const [at, head] of heads.entries()) {
    const digest = headDigest(head)
    const names = [headObjectName(head), otherHeadObjectName(head)]
    const taken = names.filter((name) => there.has(name))
    const isOld = compare === 'newest' && heads.length - at > comparedMax
    const others: string[] = []
    // Of an old one that lies under its usual name alone, that is enough.
    for (const name of isOld && taken.length === 1 && taken[0] === names[0] ? [] : taken) {
      const { digest: found } = await readHeadObject(storage, { objectName: name, size: there.get(name)! }, signal)
      if (found !== digest) others.push(name)
    }
    strange.push(...others)
    for (const name of names) known.add(name)
    if (others.length < taken.length) continue
    const free = names.find((name) => !there.has(name))
    if (free !== undefined) missing.push({ name: free, digest, head })
  }
  return { missing, strange, known }
}

/** The names of what lies there and is no head of the catalog: of its ledger, or under the name of no head. */
async function unknownObjects(
  { catalog }: HeadKeeper,
  {
    storage,
    there,
    compare,
    heads,
    known,
  }: HeadPlace &
    Pick<HeadsThere, 'known'> & { readonly there: ReadonlyMap<string, number>; readonly heads: readonly SignedHead[] },
  signal: AbortSignal,
): Promise<string[]> {
  const ledger = (await catalog.ledgerEnd()).ledger.slice(0, 8)
  // Another process may have signed and stored since: a head is in the catalog before it is there.
  const later = (await catalog.heads()).slice(heads.length)
  const laterNames = new Set(later.flatMap((head) => [headObjectName(head), otherHeadObjectName(head)]))
  const unknown: string[] = []
  for (const [objectName, size] of there) {
    if (known.has(objectName) || laterNames.has(objectName)) continue
    const of = ledgerInName(objectName)
    const isOfOther = of !== undefined && of !== ledger
    // Heads of a ledger before this one stay where they are; only where all is read they are looked at.
    if (isOfOther && compare === 'newest') continue
    if (isOfOther && (await readHeadObject(storage, { objectName, size }, signal)).head !== undefined) continue
    unknown.push(objectName)
  }
  return unknown
}

/** Of what is not known so many are read and put on record at a time: whoever floods the place must not stop the backups. */
const unknownMax = 1000

/**
 * Puts on record what lies there and is not known, unless it is on record; answers what is not acknowledged. Where not all is read,
 * what has a name that is on record is taken for what it was then.
 */
async function raiseUnknown(
  keeper: HeadKeeper,
  { location, storage, compare }: HeadPlace,
  { there, unknown }: { readonly there: ReadonlyMap<string, number>; readonly unknown: readonly string[] },
  signal: AbortSignal,
): Promise<string | undefined> {
  if (unknown.length === 0) return undefined
  const alarms = (await alarmsOf(keeper)).filter((one) => one.cause === 'heads unknown' && one.location === location)
  const onRecord = alarms.flatMap((alarm) => alarm.heads.map((head) => ({ ...head, alarm })))
  const named = Map.groupBy(onRecord, ({ name }) => name)
  const open: AlarmHead[] = []
  const fresh: AlarmHead[] = []
  for (const name of unknown.toSorted()) {
    const known = named.get(name) ?? []
    if (known.length > 0 && compare === 'newest') {
      if (!known.some(({ alarm }) => alarm.acknowledged !== undefined)) open.push(known[0]!)
      continue
    }
    if (fresh.length >= unknownMax) continue // The next call goes on.
    const { digest } = await readHeadObject(storage, { objectName: name, size: there.get(name)! }, signal)
    const same = known.filter((one) => one.digest === digest)
    if (same.length === 0) fresh.push({ name, digest })
    if (!same.some(({ alarm }) => alarm.acknowledged !== undefined)) open.push({ name, digest })
  }
  if (fresh.length > 0) await raise(keeper, { cause: 'heads unknown', location, heads: fresh })
  if (open.length === 0) return undefined
  const what = describeAlarm({ cause: 'heads unknown', location, heads: open })
  return (
    `${what}; \`evidence verify FILE --heads\` tells from which entry on. Where a person knows why, ` +
    '`evidence acknowledge --reason …` puts it on record'
  )
}

/** The alarms on record. */
export async function alarmsOf({
  catalog,
  policy,
  evidenceKeys: keys,
}: Pick<HeadKeeper, 'catalog' | 'policy' | 'evidenceKeys'>): Promise<readonly EvidenceAlarm[]> {
  const { ledger } = await catalog.ledgerEnd()
  const entries = await catalog.evidence({ kinds: ['alarm', 'acknowledgement'] })
  return readAlarms(entries, { environment: policy.environment, ledger, keys })
}

/** Puts an alarm on record, once while the same is open; answers it as a sentence. */
async function raise(
  keeper: HeadKeeper,
  { cause, location, heads }: Pick<EvidenceAlarm, 'cause' | 'location' | 'heads'>,
): Promise<string> {
  const alarm = { cause, location, heads: heads.map(({ name, digest }) => ({ name, digest })) }
  const isOpen = (await alarmsOf(keeper)).some(
    (one) =>
      one.acknowledged === undefined &&
      canonicalJson({ ...alarm }) === canonicalJson({ cause: one.cause, location: one.location, heads: one.heads }),
  )
  const { catalog, clock, host } = keeper
  if (!isOpen) await catalog.addEvidence(alarmNote(alarm, clock.now(), `${host.username}@${host.hostname}`))
  return describeAlarm(alarm)
}
