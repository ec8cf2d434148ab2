import { canonicalJson } from '../../base/canonical-json.ts'
import { isFailure } from '../../base/failure.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import { readHeadText } from '../../model/evidence/evidence-export.ts'
import { headDigest, headDocument, type SignedHead } from '../../model/evidence/signed-head.ts'
import type { LocationName } from '../../model/policy/policy.ts'
import type { Locations } from '../../operations/locations/locations.ts'
import type { Storage } from '../../storage/storage.ts'
import { describeTrouble } from '../trouble.ts'

/** More than any head: what is larger is none. */
const headBytesMax = 4096

/** Heads that are read of a place: those of many years. */
const headsMax = 100_000

/** Heads that are there already are read and compared, the newest so many of them; the rest `evidence verify` compares. */
const comparedMax = 10

/** The name of a head at a location: its day, the entry up to which it holds, and its ledger. */
export function headObjectName({ signedAt, sequence, ledger }: SignedHead): string {
  return `${signedAt.toISOString().slice(0, 10)}-${sequence}-${ledger.slice(0, 8)}.json`
}

export interface HeadsStored {
  readonly location: LocationName
  /** How many were put there now. */
  readonly stored: number
}

/**
 * Puts signed heads at every location where they are not yet, as objects that nothing replaces. May be repeated: each
 * head is there whole or not at all, and the next call puts what is missing. A location that can not be reached is a
 * trouble, a sentence, and so is another head under the name of one of these, which stays, and a head of this ledger that
 * the catalog does not have: that shows when the catalog was set back to an older state, or its end was cut off.
 */
export async function storeHeads(
  locations: Pick<Locations, 'names' | 'evidence'>,
  catalog: Pick<Catalog, 'heads'>,
  signal: AbortSignal,
): Promise<{ readonly stored: readonly HeadsStored[]; readonly troubles: readonly string[] }> {
  const heads = await catalog.heads()
  const done: HeadsStored[] = []
  const troubles: string[] = []
  for (const location of locations.names) {
    try {
      await using storage = await locations.evidence(location, signal)
      if (storage === undefined) continue // With the first backup that lies there.
      let stored = 0
      const there = new Set(await Array.fromAsync(storage.inside.list('', signal), ({ objectName }) => objectName))
      for (const head of heads) {
        const name = headObjectName(head)
        if (there.has(name)) {
          if (heads.length - head.number >= comparedMax) continue
          const fault = await otherHead(storage.inside, name, head, signal)
          if (fault !== undefined) troubles.push(`evidence at the ${location} location: ${name}: ${fault}`)
          continue
        }
        await storage.inside.put(
          name,
          Buffer.from(`${canonicalJson(headDocument(head))}\n`),
          { whenPresent: 'keep' },
          signal,
        )
        stored += 1
      }
      const unknown = await unknownHead(there, heads, catalog)
      if (unknown !== undefined) troubles.push(`evidence at the ${location} location: ${unknown}`)
      done.push({ location, stored })
    } catch (error) {
      if (signal.aborted || !isFailure(error)) throw error
      troubles.push(`evidence at the ${location} location: ${describeTrouble(error)}`)
    }
  }
  return { stored: done, troubles }
}

/** What tells of a head of this ledger that is at a location and not in the catalog. */
async function unknownHead(
  there: ReadonlySet<string>,
  heads: readonly SignedHead[],
  catalog: Pick<Catalog, 'heads'>,
): Promise<string | undefined> {
  const ledger = heads.at(-1)?.ledger.slice(0, 8)
  const known = new Set(heads.map(headObjectName))
  const ofLedger = [...there].filter((name) => name.endsWith(`-${ledger}.json`) && !known.has(name))
  if (ofLedger.length === 0) return undefined
  // Another process may have signed and stored since the catalog was read: a head is in the catalog before it is there.
  const now = new Set((await catalog.heads()).map(headObjectName))
  const unknown = ofLedger.filter((name) => !now.has(name)).toSorted()
  if (unknown.length === 0) return undefined
  const what = `${unknown.length === 1 ? 'a head' : `${unknown.length} heads`} of this ledger`
  return (
    `${unknown[0]}: ${what} that the catalog does not have: the catalog was set back to an older state, or the end of ` +
    'its ledger was cut off; `evidence verify FILE --heads` tells from which entry on'
  )
}

async function otherHead(
  storage: Storage,
  name: string,
  head: SignedHead,
  signal: AbortSignal,
): Promise<string | undefined> {
  const found = readHeadText(Buffer.from(await storage.get(name, {}, signal)).toString('utf8'))
  if (typeof found === 'string') return `it is no head: ${found}`
  return headDigest(found) === headDigest(head) ? undefined : 'it is another head than the one of the catalog'
}

/** Every head at a place, and what is there that is none, a sentence each. */
export async function readHeads(
  storage: Pick<Storage, 'list' | 'get'>,
  signal: AbortSignal,
): Promise<{ readonly heads: readonly SignedHead[]; readonly faults: readonly string[] }> {
  const heads: SignedHead[] = []
  const faults: string[] = []
  for await (const { objectName, size } of storage.list('', signal)) {
    if (heads.length + faults.length >= headsMax) break
    if (size > headBytesMax) {
      faults.push(`${objectName}: it has ${size} bytes, which no head has`)
      continue
    }
    const head = readHeadText(Buffer.from(await storage.get(objectName, {}, signal)).toString('utf8'))
    if (typeof head === 'string') faults.push(`${objectName}: ${head}`)
    else heads.push(head)
  }
  return { heads: heads.toSorted((a, b) => a.sequence - b.sequence), faults }
}
