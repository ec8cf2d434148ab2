import { z } from 'zod'
import type { KeyObject } from 'node:crypto'
import { canonicalJson } from '../../base/canonical-json.ts'
import { type Environment, type LocationName, locationNames } from '../policy/policy.ts'
import type { EvidenceEntry, EvidenceNote } from './evidence-entry.ts'
import { isSignedBy } from './signed-head.ts'

/**
 * What the signed heads at a location say of the ledger. `heads removed`: some that lay there were gone, and were put back. `heads
 * unknown`: some lie there that the catalog does not have, or something else under the name of one: the catalog was set back to an
 * older state, its end was cut off, or somebody put them there.
 */
export const alarmCauses = ['heads removed', 'heads unknown'] as const

/** An object at a location that an alarm is about. */
export interface AlarmHead {
  readonly name: string
  /** headDigest(), or what strangeDigest() makes of what is no head. */
  readonly digest: string
}

/** What does not go with the evidence, on record until a person says why it is so, and afterwards too. */
export interface EvidenceAlarm {
  /** Its entry of the ledger. */
  readonly sequence: number
  readonly at: Date
  readonly cause: (typeof alarmCauses)[number]
  readonly location: LocationName
  readonly heads: readonly AlarmHead[]
  /** Undefined while nobody has. */
  readonly acknowledged: { readonly at: Date; readonly actor: string; readonly reason: string } | undefined
}

const alarmSchema = z.object({
  cause: z.enum(alarmCauses),
  location: z.enum(locationNames),
  heads: z.array(z.object({ name: z.string(), digest: z.string() })),
})
const acknowledgementSchema = z.object({
  alarms: z.array(z.int()),
  heads: z.array(z.string()),
  reason: z.string(),
  key: z.string(),
  signature: z.string(),
})

export function alarmNote(
  alarm: Pick<EvidenceAlarm, 'cause' | 'location' | 'heads'>,
  at: Date,
  actor: string,
): EvidenceNote {
  const { cause, location, heads } = alarm
  return { at, kind: 'alarm', actor, facts: { cause, location, heads } }
}

/** Whose word it is that alarms are none to act on any more. */
export interface Acknowledgement {
  /** Entries of the ledger. */
  readonly alarms: readonly number[]
  /** The digests of all that those alarms are about. */
  readonly heads: readonly string[]
  readonly reason: string
  readonly at: Date
  readonly actor: string
}

/** The ledger that it is in, and the keys that may sign in it, by their ids. */
export interface AlarmContext {
  readonly environment: Environment
  readonly ledger: string
  readonly keys: ReadonlyMap<string, KeyObject>
}

/**
 * What the evidence key signs of an acknowledgement. Whoever may only write the catalog could append one with a right hash; he can
 * not sign it.
 */
export function acknowledgementText(
  { alarms, heads, reason, at, actor }: Acknowledgement,
  { environment, ledger }: Pick<AlarmContext, 'environment' | 'ledger'>,
): string {
  const said = { environment, ledger, alarms, heads, reason, at: at.toISOString(), actor }
  return canonicalJson({ what: 'zakops-backup evidence acknowledgement 1', ...said })
}

/** A person says why alarms are none to act on any more. They stay on record. */
export function acknowledgementNote(
  { at, actor, ...said }: Acknowledgement,
  signed: { readonly key: string; readonly signature: string },
): EvidenceNote {
  return { at, kind: 'acknowledgement', actor, facts: { ...said, ...signed } }
}

/** What an acknowledgement of these alarms is about. */
export function headsOfAlarms(alarms: readonly Pick<EvidenceAlarm, 'heads'>[]): string[] {
  return [...new Set(alarms.flatMap(({ heads }) => heads.map(({ digest }) => digest)))].toSorted()
}

/** The alarm that an entry is; undefined where it is none, or of a form that is not known. */
export function alarmOf({ kind, sequence, at, facts }: EvidenceEntry): EvidenceAlarm | undefined {
  const { data } = alarmSchema.safeParse(kind === 'alarm' ? facts : undefined)
  return data && { ...data, sequence, at, acknowledged: undefined }
}

/**
 * The alarms of a ledger, those acknowledged that a later entry acknowledges with a right signature. Entries of other kinds and forms
 * say nothing.
 */
export function readAlarms(entries: readonly EvidenceEntry[], context: AlarmContext): EvidenceAlarm[] {
  const words = entries.flatMap((entry) => acknowledgementOf(entry, context) ?? [])
  return entries.flatMap((entry) => {
    const alarm = alarmOf(entry)
    if (alarm === undefined) return []
    const word = words.find(
      ({ sequence, alarms, heads }) =>
        sequence > alarm.sequence &&
        alarms.includes(alarm.sequence) &&
        alarm.heads.every(({ digest }) => heads.includes(digest)),
    )
    if (word === undefined) return [alarm]
    const { at, actor, reason } = word
    return [{ ...alarm, acknowledged: { at, actor, reason } }]
  })
}

function acknowledgementOf(
  { kind, sequence, at, actor, facts }: EvidenceEntry,
  context: AlarmContext,
): (Acknowledgement & { readonly sequence: number }) | undefined {
  const { data } = acknowledgementSchema.safeParse(kind === 'acknowledgement' ? facts : undefined)
  if (data === undefined) return undefined
  const { key, signature, ...rest } = data
  const said = { ...rest, at, actor }
  const publicKey = context.keys.get(key)
  const isSigned = publicKey !== undefined && isSignedBy(acknowledgementText(said, context), signature, publicKey)
  return isSigned ? { ...said, sequence } : undefined
}

/** The acknowledged alarm about each digest of what lies at a location and is not known: it is history. */
export function acknowledgedHeads(alarms: readonly EvidenceAlarm[]): ReadonlyMap<string, EvidenceAlarm> {
  return new Map(
    alarms
      .filter(({ cause, acknowledged }) => cause === 'heads unknown' && acknowledged !== undefined)
      .flatMap((alarm) => alarm.heads.map(({ digest }) => [digest, alarm])),
  )
}

/** "3 signed heads that lay at the secondary location were gone and were put back: 2026-11-01-…" */
export function describeAlarm({ cause, location, heads }: Pick<EvidenceAlarm, 'cause' | 'location' | 'heads'>): string {
  const [first] = heads
  const [one, was, lies] =
    heads.length === 1 ? ['a signed head', 'was', 'lies'] : [`${heads.length} signed heads`, 'were', 'lie']
  const named = first === undefined ? '' : `: ${first.name}${heads.length === 1 ? '' : ' and others'}`
  if (cause === 'heads removed')
    return `${one} that lay at the ${location} location ${was} gone, and ${was} put back${named}`
  const them = heads.length === 1 ? 'it' : 'them'
  return (
    `${one} ${lies} at the ${location} location that the catalog does not have: the catalog was set back to an older state, or the ` +
    `end of its ledger was cut off, or somebody put ${them} there${named}`
  )
}
