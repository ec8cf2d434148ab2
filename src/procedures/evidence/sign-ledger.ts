import type { KeyObject } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import type { Catalog } from '../../catalog/catalog.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { type EvidenceEntry, entryHash } from '../../model/evidence/evidence-entry.ts'
import { nextHeadFault } from '../../model/evidence/head-chain.ts'
import { headDigest, headText, type SignedHead } from '../../model/evidence/signed-head.ts'
import type { Environment } from '../../model/policy/policy.ts'

/** What signing works with. */
export interface EvidenceSigner {
  readonly environment: Environment
  readonly catalog: Pick<Catalog, 'evidence' | 'ledgerEnd' | 'heads' | 'addHead'>
  readonly keyring: Pick<Keyring, 'signEvidence' | 'evidenceKeys' | 'refresh'>
  readonly clock: Pick<Clock, 'now'>
}

/** What looking it over works with. */
export interface LedgerReader {
  readonly environment: Environment
  readonly catalog: Pick<Catalog, 'evidence' | 'ledgerEnd' | 'heads'>
  readonly keyring: Pick<Keyring, 'evidenceKeys' | 'refresh'>
}

/** Other processes that sign at the same moment: each of them has its head, and we sign what is left. */
const attemptsMax = 5

/**
 * Signs the ledger as it is now, where entries came since the last head; answers all heads. What is signed was looked over
 * before: Failure `not_proven` where an entry since the last head, or a head, is not as it was recorded, so that what
 * somebody changed is not signed for him. The head is in the catalog when this resolves: its commit point.
 */
export async function signLedger(signer: EvidenceSigner, signal: AbortSignal): Promise<readonly SignedHead[]> {
  const { catalog, keyring, clock, environment } = signer
  for (let attempt = 1; ; attempt++) {
    const { heads, ledger, end } = await lookOver(signer, signal)
    const last = heads.at(-1)
    if (end.sequence === (last?.sequence ?? 0)) return heads
    const head = {
      environment,
      ledger,
      number: (last?.number ?? 0) + 1,
      previousHead: last === undefined ? ledger : headDigest(last),
      sequence: end.sequence,
      hash: end.hash,
      signedAt: clock.now(),
    }
    const signed = { ...head, ...(await keyring.signEvidence(headText(head), signal)) }
    try {
      await catalog.addHead(signed)
      return [...heads, signed]
    } catch (error) {
      if (!isFailure(error, 'refused') || attempt === attemptsMax) throw error
    }
  }
}

/**
 * Whether the ledger is as it was recorded, as far as it is looked over before each signature: the heads, and the entries since the
 * last one. Answers what is wrong with it; undefined where nothing is. Signs nothing.
 */
export async function ledgerFault(signer: LedgerReader, signal: AbortSignal): Promise<Failure | undefined> {
  try {
    await lookOver(signer, signal)
    return undefined
  } catch (error) {
    if (!isFailure(error, 'not_proven')) throw error
    return error
  }
}

/** Heads and end of the ledger. Failure `not_proven`. */
async function lookOver(
  signer: LedgerReader,
  signal: AbortSignal,
): Promise<{
  readonly heads: readonly SignedHead[]
  readonly ledger: string
  readonly end: { readonly sequence: number; readonly hash: string }
}> {
  const { catalog, keyring } = signer
  const heads = await catalog.heads()
  const { ledger } = await catalog.ledgerEnd()
  const known = publicKeysOf(keyring)
  // Another process may have rotated the key since the keyring was opened.
  if (heads.some(({ key }) => !known.has(key))) await keyring.refresh(signal)
  requireSoundHeads(heads, ledger, signer)
  const last = heads.at(-1)
  const before = { sequence: last?.sequence ?? 0, hash: last?.hash ?? ledger }
  const since = await catalog.evidence({ after: Math.max(0, before.sequence - 1) })
  return { heads, ledger, end: requireSoundEntries(since, before) }
}

/** The public keys of a keyring by their ids. */
export function publicKeysOf({ evidenceKeys }: Pick<Keyring, 'evidenceKeys'>): ReadonlyMap<string, KeyObject> {
  return new Map(evidenceKeys.map(({ id, publicKey }) => [id, publicKey]))
}

/** The newest so many; all of them would take longer with every day. */
const signaturesVerified = 10

function requireSoundHeads(heads: readonly SignedHead[], ledger: string, { environment, keyring }: LedgerReader): void {
  const keys = publicKeysOf(keyring)
  for (const [at, head] of heads.entries()) {
    // Its entries were looked over when it was signed; here only that nobody changed the heads themselves.
    const fault = nextHeadFault(head, heads[at - 1], {
      header: { environment, ledger },
      entries: 'not looked at',
      // Each head names the one before it by its hash, so the signature of the newest stands for all.
      keys: heads.length - at <= signaturesVerified ? keys : 'not looked at',
    })
    if (fault !== undefined) throw changed(`head ${head.number}: ${fault.found}`)
  }
}

/** The end of the ledger. `since`: the entry that the last head covers, and those behind it. */
function requireSoundEntries(
  since: readonly EvidenceEntry[],
  before: { readonly sequence: number; readonly hash: string },
): { readonly sequence: number; readonly hash: string } {
  let end = { sequence: Math.max(0, before.sequence - 1), hash: since[0]?.previousHash ?? before.hash }
  for (const entry of since) {
    const isNext = entry.sequence === end.sequence + 1 && entry.previousHash === end.hash
    if (!isNext || entryHash(entry) !== entry.hash) throw changed(`entry ${entry.sequence} is not as it was recorded`)
    if (entry.sequence === before.sequence && entry.hash !== before.hash) {
      throw changed(`entry ${entry.sequence} is not the one that was signed`)
    }
    end = { sequence: entry.sequence, hash: entry.hash }
  }
  if (before.sequence === 0 && since[0] !== undefined && since[0].previousHash !== before.hash) {
    throw changed('its first entry is of another ledger')
  }
  if (end.sequence < before.sequence) {
    throw changed(`it has ${end.sequence} entries, and ${before.sequence} were signed`)
  }
  return end
}

function changed(found: string): Failure {
  return new Failure('not_proven', `Cannot sign the evidence ledger: ${found}`, {
    facts: {
      hint: 'Somebody changed the catalog. Compare with the last export and with the heads at the locations: `evidence verify FILE --public-key KEY`',
    },
  })
}
