import { hash } from 'node:crypto'
import { readHeadText } from '../../model/evidence/evidence-export.ts'
import { headDigest, type SignedHead } from '../../model/evidence/signed-head.ts'
import type { Storage } from '../../storage/storage.ts'

/** More than any head: what is larger is none. */
const headBytesMax = 4096

/** Heads that are read of a place: those of many years. */
const headsMax = 100_000

/** The name of a head at a location: its day, the entry up to which it holds, and its ledger. */
export function headObjectName({ signedAt, sequence, ledger }: SignedHead): string {
  return `${signedAt.toISOString().slice(0, 10)}-${sequence}-${ledger.slice(0, 8)}.json`
}

/** Its name where something else lies under the usual one, which nothing replaces. */
export function otherHeadObjectName(head: SignedHead): string {
  return headObjectName(head).replace(/\.json$/, `-${headDigest(head).slice(0, 8)}.json`)
}

/** The first hex digits of the ledger of a head, by the name that it lies under; undefined where no head has such a name. */
export function ledgerInName(objectName: string): string | undefined {
  return /^\d{4}-\d\d-\d\d-\d+-([0-9a-f]{8})(-[0-9a-f]{8})?\.json$/.exec(objectName)?.[1]
}

/** What lies under a name: a head, or something else, and why it is none. */
export type HeadObject = { readonly objectName: string; readonly digest: string } & (
  | { readonly head: SignedHead }
  | { readonly head: undefined; readonly found: string }
)

/** Reads one object. Its digest is headDigest(), or of what is no head one that tells it from all others. */
export async function readHeadObject(
  storage: Pick<Storage, 'get'>,
  { objectName, size }: { readonly objectName: string; readonly size: number },
  signal: AbortSignal,
): Promise<HeadObject> {
  if (size > headBytesMax) {
    const digest = hash('sha256', `${objectName} ${size}`)
    return { objectName, digest, head: undefined, found: `it has ${size} bytes, which no head has` }
  }
  const bytes = await storage.get(objectName, {}, signal)
  const head = readHeadText(Buffer.from(bytes).toString('utf8'))
  if (typeof head !== 'string') return { objectName, digest: headDigest(head), head }
  return { objectName, digest: hash('sha256', bytes), head: undefined, found: `it is no head: ${head}` }
}

/** Every head at a place, and what is there that is none. */
export async function readHeads(
  storage: Pick<Storage, 'list' | 'get'>,
  signal: AbortSignal,
): Promise<{
  readonly heads: readonly SignedHead[]
  readonly faults: readonly Extract<HeadObject, { head: undefined }>[]
}> {
  const heads: SignedHead[] = []
  const faults: Extract<HeadObject, { head: undefined }>[] = []
  for await (const object of storage.list('', signal)) {
    if (heads.length + faults.length >= headsMax) break
    const read = await readHeadObject(storage, object, signal)
    if (read.head === undefined) faults.push(read)
    else heads.push(read.head)
  }
  return { heads: heads.toSorted((a, b) => a.sequence - b.sequence), faults }
}
