import { timingSafeEqual } from 'node:crypto'
import { Failure } from '../base/failure.ts'
import { describeGeneration, type GenerationName, isSameGeneration } from './generation.ts'
import type { KeyEncryptionKey } from './key-encryption-key.ts'
import { type EntryTools, retired, withSecret } from './keyring-entries.ts'
import { entriesMax, type KeyringEntry } from './keyring-file.ts'

/** What an import did with each generation of the export. */
export interface ImportOutcome {
  readonly added: readonly GenerationName[]
  /** They were here already, with the same key. */
  readonly present: readonly GenerationName[]
  /** Their keys were destroyed here, and stay so. */
  readonly destroyedHere: readonly GenerationName[]
}

/**
 * The entries of two keyrings together. Ours stay as they are; a generation that only the other one has is added. Failure
 * `refused` where the same generation has another key in each, and nothing is merged then. Of two active generations
 * of an environment the higher one stays active.
 */
export function mergeEntries(
  ours: readonly KeyringEntry[],
  theirs: readonly KeyringEntry[],
  theirKey: KeyEncryptionKey,
  tools: EntryTools,
): { readonly entries: KeyringEntry[]; readonly outcome: ImportOutcome } {
  const added: KeyringEntry[] = []
  const present: GenerationName[] = []
  const destroyedHere: GenerationName[] = []
  for (const entry of theirs) {
    const { environment, generation } = entry
    const mine = ours.find((one) => isSameGeneration(one, entry))
    if (mine === undefined) {
      added.push(adopted(entry, theirKey, tools))
    } else if (mine.state === 'destroyed' && entry.state !== 'destroyed') {
      destroyedHere.push({ environment, generation })
    } else {
      requireSameKey(mine, entry, theirKey, tools.key)
      present.push({ environment, generation })
    }
  }
  if (ours.length + added.length > entriesMax) {
    throw new Failure('refused', `Cannot import: the keyring would have more than ${entriesMax} generations`)
  }
  const entries = oneActiveEach([...ours, ...added], tools)
  const names = added.map(({ environment, generation }) => ({ environment, generation }))
  return { entries, outcome: { added: names, present, destroyedHere } }
}

function adopted(entry: KeyringEntry, theirKey: KeyEncryptionKey, { key, random }: EntryTools): KeyringEntry {
  if (entry.state === 'destroyed') return entry
  const version = entry.version + 1
  return withSecret(theirKey.unwrap(entry), (masterKey) => ({
    ...entry,
    version,
    wrapped: key.wrap({ ...entry, version }, masterKey, random),
  }))
}

function requireSameKey(
  mine: KeyringEntry,
  entry: KeyringEntry,
  theirKey: KeyEncryptionKey,
  ourKey: KeyEncryptionKey,
): void {
  if (mine.state === 'destroyed' || entry.state === 'destroyed') return
  const isSame = withSecret(ourKey.unwrap(mine), (one) =>
    withSecret(theirKey.unwrap(entry), (other) => timingSafeEqual(one, other)),
  )
  if (isSame) return
  const name = describeGeneration(entry)
  throw new Failure('refused', `Cannot import ${name}: the keyring has a ${name} with another key`, {
    facts: { hint: 'They come from two keyrings that were made apart; open the backups of each with its own' },
  })
}

function oneActiveEach(entries: readonly KeyringEntry[], tools: EntryTools): KeyringEntry[] {
  return entries.map((entry) => {
    const isOutdone = entries.some(
      (other) =>
        other.state === 'active' && other.environment === entry.environment && other.generation > entry.generation,
    )
    return entry.state === 'active' && isOutdone ? retired(entry, tools) : entry
  })
}
