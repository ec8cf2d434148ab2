import { createPublicKey, type KeyObject } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { errorCode } from '../../../base/error-code.ts'
import { Failure, isFailure } from '../../../base/failure.ts'
import { acknowledgedHeads, type EvidenceAlarm, readAlarms } from '../../../model/evidence/evidence-alarm.ts'
import { headsAgainst } from '../../../model/evidence/head-chain.ts'
import { headDigest, keyIdOf, type SignedHead } from '../../../model/evidence/signed-head.ts'
import { type VerifiedExport, verifyExport } from '../../../model/evidence/verify-export.ts'
import { locationNames } from '../../../model/policy/policy.ts'
import { storagePlace } from '../../../model/policy/storage-place.ts'
import { readHeads } from '../../../procedures/evidence/head-objects.ts'
import { placeWithin } from '../../../storage/storage-adapter.ts'
import { openPlace } from '../../access/open-place.ts'
import { openPolicy } from '../../access/open-policy.ts'
import { readTextFile } from '../../access/read-text-file.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatCount } from '../../output/format-count.ts'

export interface VerifyExportOptions {
  readonly publicKey: string
  readonly heads: readonly string[]
}

/** Millions of entries; beyond it something else was named. */
const exportBytesMax = 500 * 1024 * 1024

export async function runEvidenceVerify(
  context: CommandContext,
  file: string,
  { publicKey, heads }: VerifyExportOptions,
): Promise<Outcome> {
  const { output, world, signal } = context
  const path = resolve(world.workingDirectory, file)
  const keyPath = resolve(world.workingDirectory, publicKey)
  const keys = readPublicKeys(await readTextFile(keyPath, 'public key', signal), keyPath)
  const verified = verifyExport(await readExport(path, signal), keys)
  if (verified.state === 'broken') {
    const { fault } = verified
    if (output.json) output.document({ message_type: 'evidence_verified', state: 'broken', fault })
    else output.line(`not proven: ${fault.kind}\n${fault.message} (line ${fault.line} of ${path})`)
    return 'damaged'
  }
  const places = await headPlaces(context, heads)
  const faults = await compareHeads(context, verified, keys, places)
  tell(context, verified, faults)
  if (places.length === 0) {
    output.notice(
      'What was recorded after this export it can not tell; --heads or --policy compares it with the signed heads',
    )
  }
  return faults.some(({ state }) => state === 'broken') ? 'damaged' : 'done'
}

interface PlaceFault {
  /**
   * `away`: it could not be read, so nothing is said against the export; `broken`: it says that the export is not
   * whole; `acknowledged`: it did, and an entry of the export says why a person holds that it is so.
   */
  readonly state: 'broken' | 'away' | 'other ledger' | 'acknowledged'
  readonly message: string
}

function tell(
  { output }: CommandContext,
  { header, entries, heads }: Extract<VerifiedExport, { state: 'intact' }>,
  faults: readonly PlaceFault[],
): void {
  const isBroken = faults.some(({ state }) => state === 'broken')
  for (const { message } of faults) output.problem({ during: 'compare heads', item: 'locations', message })
  if (output.json) {
    output.document({
      message_type: 'evidence_verified',
      state: isBroken ? 'broken' : 'intact',
      environment: header.environment,
      ledger: header.ledger,
      exported_at: header.exportedAt,
      entries: entries.length,
      heads: heads.length,
      first_at: entries[0]?.at,
      last_at: entries.at(-1)?.at,
      faults,
    })
    return
  }
  const counts = `${formatCount(entries.length, 'entry', 'entries')}, ${formatCount(heads.length, 'signed head')}`
  const from = entries.length === 0 ? '' : `, from ${minute(entries[0]!.at)} to ${minute(entries.at(-1)!.at)}`
  output.line(
    isBroken
      ? 'not proven: the export is sound in itself, and the signed heads at the locations say other than it does'
      : `proven: ${counts}${from}; exported ${minute(header.exportedAt)} UTC`,
  )
}

function minute(date: Date): string {
  return date.toISOString().slice(0, 16).replace('T', ' ')
}

interface HeadPlace {
  readonly place: string
  /** A place that was named must be there; of a policy's locations one may be away. */
  readonly whenAway: 'fail' | 'tell'
}

async function headPlaces(context: CommandContext, named: readonly string[]): Promise<readonly HeadPlace[]> {
  // Only a policy that was typed: an export is verified without one.
  const { workingDirectory } = context.world
  const places: HeadPlace[] = named.map((text) => {
    const { adapter, path } = storagePlace(text)
    return { place: adapter === 'local' ? `local:${resolve(workingDirectory, path)}` : text, whenAway: 'fail' }
  })
  if (context.globals.policy === undefined) return places
  const { policy } = await openPolicy(context)
  const ofIt = policy.locations[policy.environment]!
  for (const name of locationNames) {
    const location = ofIt[name]
    if (location === 'N/A') continue
    places.push({ place: placeWithin(location.storage, policy.environment, 'evidence'), whenAway: 'tell' })
  }
  return places
}

async function compareHeads(
  context: CommandContext,
  verified: Extract<VerifiedExport, { state: 'intact' }>,
  keys: readonly KeyObject[],
  places: readonly HeadPlace[],
): Promise<PlaceFault[]> {
  const found: { place: string; head: SignedHead }[] = []
  const faults: PlaceFault[] = []
  const { header, entries } = verified
  const publicKeys = new Map(keys.map((key) => [keyIdOf(key), key]))
  const history = acknowledgedHeads(readAlarms(entries, { ...header, keys: publicKeys }))
  for (const { place, whenAway } of places) {
    try {
      const storage = await openPlace(place, { open: 'existing', use: 'read' }, context)
      try {
        const there = await readHeads(storage, context.signal)
        found.push(...there.heads.map((head) => ({ place, head })))
        const missing = missingFrom(there.heads, verified.heads, place)
        if (missing !== undefined) faults.push(missing)
        for (const { objectName, found: said, digest } of there.faults) {
          const alarm = history.get(digest)
          if (alarm === undefined) faults.push({ state: 'broken', message: `${place}: ${objectName}: ${said}` })
          else faults.push(historyOf(`${objectName} at ${place}: ${said}`, alarm))
        }
      } finally {
        await storage.close()
      }
    } catch (error) {
      if (whenAway === 'fail' || context.signal.aborted || !isFailure(error)) throw error
      faults.push({ state: 'away', message: error.message })
    }
  }
  const against = headsAgainst(found, { header, entries, keys: publicKeys })
  return [
    ...faults,
    ...against.faults.map(
      ({ place, kind, found: said, sequence }): PlaceFault => ({
        state: 'broken',
        message: `${kind}${sequence === undefined ? '' : ` from entry ${sequence} on`}: a head at ${place}: ${said}`,
      }),
    ),
    ...against.acknowledged.map(({ place, head, alarm }) =>
      historyOf(`a head at ${place}, signed ${minute(head.signedAt)} over ${head.sequence} entries`, alarm),
    ),
    ...against.otherLedgers.map(
      (ledger): PlaceFault => ({
        state: 'other ledger',
        message: `there are heads of another ledger, ${ledger.slice(0, 8)}: the catalog was lost or replaced; ask for its last export`,
      }),
    ),
  ]
}

/** What a person acknowledged is told, with the reason: who reads it judges that. */
function historyOf(what: string, { sequence, acknowledged }: EvidenceAlarm): PlaceFault {
  const { actor, at, reason } = acknowledged!
  const message = `${what}: of no part of this export (entry ${sequence}); acknowledged by ${actor}, ${minute(at)}: ${reason}`
  return { state: 'acknowledged', message }
}

/** A place with none of the heads of an export says nothing for it: they were removed, or it is another place. */
function missingFrom(
  there: readonly SignedHead[],
  heads: readonly SignedHead[],
  place: string,
): PlaceFault | undefined {
  const known = new Set(there.map(headDigest))
  const missing = heads.filter((head) => !known.has(headDigest(head))).length
  if (missing === 0) return undefined
  const message = `${missing} of the ${formatCount(heads.length, 'head')} of the export are not at ${place}`
  if (missing < heads.length) return { state: 'away', message }
  return { state: 'broken', message: `head missing: ${message}: nothing there speaks for it` }
}

/** Every key of a PEM file. Failure `usage` where there is none, or one that is no Ed25519 key. */
function readPublicKeys(text: string, path: string): KeyObject[] {
  const unfit = (found: string, cause?: unknown): Failure =>
    new Failure('usage', `Cannot read public key "${path}": ${found}`, {
      facts: { hint: '`evidence public-key` prints it; it begins with "-----BEGIN PUBLIC KEY-----"' },
      cause,
    })
  const blocks = text.match(/-----BEGIN PUBLIC KEY-----[\s\S]*?-----END PUBLIC KEY-----/g) ?? []
  if (blocks.length === 0) throw unfit('there is no public key in it')
  return blocks.map((block) => {
    let key: KeyObject
    try {
      key = createPublicKey(block)
    } catch (cause) {
      throw unfit('it is damaged', cause)
    }
    if (key.asymmetricKeyType === 'ed25519') return key
    throw unfit(`it is a key of ${key.asymmetricKeyType}, expected Ed25519`)
  })
}

async function readExport(path: string, signal: AbortSignal): Promise<Buffer> {
  const parts: Buffer[] = []
  let bytes = 0
  try {
    for await (const part of createReadStream(path, { signal }) as AsyncIterable<Buffer>) {
      parts.push(part)
      bytes += part.length
      if (bytes > exportBytesMax)
        throw new Failure('usage', `Cannot read export "${path}": it is larger than any export`)
    }
  } catch (cause) {
    if (isFailure(cause) || signal.aborted) throw cause
    const found = errorCode(cause) === 'ENOENT' ? 'there is no such file' : `it can not be read (${errorCode(cause)})`
    throw new Failure('usage', `Cannot read export "${path}": ${found}`, { cause })
  }
  return Buffer.concat(parts)
}
