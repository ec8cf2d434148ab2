import { combine, split } from 'shamir-secret-sharing'
import { z } from 'zod'
import { canonicalJson } from '../base/canonical-json.ts'
import { Failure } from '../base/failure.ts'
import type { RandomBytes } from '../base/random.ts'
import { type Environment, environments } from '../model/policy/policy.ts'
import { findEntry, generationOf } from './keyring-entries.ts'
import type { Generation, GenerationName } from './generation.ts'
import type { KeyringWorld } from './keyring-world.ts'
import { openKitPolicy, sealKitPolicy } from './kit-policy.ts'
import { materialLines, readKitLines, shareLine } from './kit-lines.ts'
import { unwrapContent } from './open-content.ts'
import { keyCheckValue } from './sealed-key.ts'
import { decodeShareWords, encodeShareWords, shareBytes } from './share-words.ts'

/**
 * The recovery kit: a random key of 32 bytes, split among holders by Shamir's scheme, and what it opens, which each
 * share carries whole: an export of the keyring, and restic keys for those who have not this program.
 */

export const sharesMax = 16

/** A key that stock restic opens a repository with: put into its `keys/` under its name, the kit's key in hex is the password. */
export interface KitResticKey {
  readonly generation: number
  readonly id: string
  /** The JSON of the key object. */
  readonly text: string
}

const materialSchema = z.strictObject({
  format: z.literal('zakops-backup recovery kit'),
  formatVersion: z.literal(1),
  environment: z.enum(environments),
  createdAt: z.iso.datetime({ precision: 3 }),
  shares: z.int().min(2).max(sharesMax),
  threshold: z.int().min(2).max(sharesMax),
  /** Tells whether the right shares were put together, and nothing else of the key. */
  check: z.string().regex(/^[0-9a-f]{16}$/),
  places: z.strictObject({ primary: z.string(), secondary: z.string().nullable() }),
  /** The export, sealed under kitPassphrase(). */
  keyring: z.string(),
  restic: z.array(z.strictObject({ generation: z.int().min(1), id: z.string(), text: z.string() })),
  /** The text of the policy file, sealed by sealKitPolicy(). */
  policy: z.string().optional(),
})

/** What everybody may know of a kit. */
export interface KitFacts {
  /** Its name: 16 hex digits. */
  readonly kit: string
  readonly environment: Environment
  readonly createdAt: Date
  readonly shares: number
  readonly threshold: number
  /** Where the backups lay when it was made. */
  readonly places: { readonly primary: string; readonly secondary: string | null }
}

/** A share as its holder gets it. */
export interface MadeShare {
  readonly number: number
  readonly words: readonly string[]
  /** Lines of the file, and each the content of a QR code: the share first. */
  readonly lines: readonly string[]
}

/** The passphrase of the export in a kit, which is the password of its restic keys too: the kit's key in hex. */
export function kitPassphrase(key: Uint8Array): string {
  return Buffer.from(key).toString('hex')
}

/** A new kit. `seal` is asked for what the kit's passphrase is to open. Failure `usage` for numbers that make no sense. */
export async function makeKit(
  options: Omit<KitFacts, 'kit'> & {
    readonly random: RandomBytes
    /** The text of the policy file that it is made under. */
    readonly policy?: string
  },
  seal: (passphrase: string) => Promise<{ readonly exported: Uint8Array; readonly restic: readonly KitResticKey[] }>,
): Promise<{
  readonly facts: KitFacts
  readonly shares: readonly MadeShare[]
  readonly restic: readonly KitResticKey[]
}> {
  const { environment, createdAt, shares, threshold, places, policy, random } = options
  if (!(threshold >= 2 && threshold <= shares && shares <= sharesMax)) {
    const wanted = `expected 2 to ${sharesMax} shares, and a threshold from 2 to their number`
    throw new Failure(
      'usage',
      `Cannot make a recovery kit: ${shares} shares with a threshold of ${threshold}, ${wanted}`,
    )
  }
  const key = Uint8Array.from(random(32))
  try {
    const { exported, restic } = await seal(kitPassphrase(key))
    const material = canonicalJson({
      format: 'zakops-backup recovery kit',
      formatVersion: 1,
      environment,
      createdAt: createdAt.toISOString(),
      shares,
      threshold,
      check: keyCheckValue(key),
      places,
      keyring: Buffer.from(exported).toString('utf8'),
      restic,
      ...(policy !== undefined && { policy: sealKitPolicy(policy, key, random) }),
    })
    const { kit, lines } = materialLines(Buffer.from(material))
    const parts = await split(key, shares, threshold)
    const made = parts.map((share, at) => ({
      number: at + 1,
      words: encodeShareWords(share),
      lines: [shareLine({ kit, number: at + 1, share }), ...lines],
    }))
    return { facts: { kit, environment, createdAt, shares, threshold, places }, shares: made, restic }
  } finally {
    key.fill(0)
  }
}

/** What shares open: material for recoverKeyring(), and what is known of the kit. */
export interface KeyringOfShares {
  readonly kit: KitFacts
  readonly exported: Uint8Array
  readonly exportUnlock: { readonly passphrase: string }
  readonly restic: readonly KitResticKey[]
  /** The text of the policy file of the day on which the kit was made; undefined where an older program made it. */
  readonly policy: string | undefined
}

/**
 * Puts the shares in these files together (the text of `share-N.txt`, what the QR codes of a page say, or its words beside one
 * file that has the sealed keys). Nothing of it is stored. Failures: `kit_locked` where the shares are too few, of two
 * kits, or do not belong together; `kit_damaged` where one is not as it was written; `unsupported` for a kit of a newer program.
 */
export async function keyringOfShares(texts: readonly string[]): Promise<KeyringOfShares> {
  const lines = readKitLines(texts)
  const material = readMaterial(lines.material)
  const { environment, createdAt, threshold, places } = material
  const kit = {
    kit: lines.kit,
    environment,
    createdAt: new Date(createdAt),
    shares: material.shares,
    threshold,
    places,
  }
  const typed = lines.words.map(({ text, file }) => decodeShareWords(text, file))
  // A share that was given twice is one.
  const shares = [
    ...new Map([...lines.shares.map(({ share }) => share), ...typed].map((share) => [share.join(), share])).values(),
  ]
  if (shares.length < threshold) {
    const found = `${shares.length} of ${material.shares} are there, expected ${threshold}`
    throw new Failure('kit_locked', `Cannot open the recovery kit ${lines.kit}: too few shares: ${found}`, {
      facts: { hint: `Ask ${threshold - shares.length} more of the holders; a share that is given twice counts once` },
    })
  }
  const key = await combined(shares, lines.kit, material.check)
  try {
    const policy = material.policy === undefined ? undefined : openKitPolicy(material.policy, key)
    const exportUnlock = { passphrase: kitPassphrase(key) }
    return { kit, exported: Buffer.from(material.keyring), exportUnlock, restic: material.restic, policy }
  } finally {
    key.fill(0)
  }
}

async function combined(shares: readonly Uint8Array[], kit: string, check: string): Promise<Uint8Array> {
  const wrong = (cause?: unknown): Failure =>
    new Failure('kit_locked', `Cannot open the recovery kit ${kit}: the shares do not belong together`, {
      facts: { hint: 'One of them is of an older kit, or was copied wrong; try with others' },
      cause,
    })
  if (shares.some((share) => share.length !== shareBytes)) throw wrong()
  let key: Uint8Array
  try {
    key = await combine([...shares])
  } catch (cause) {
    throw wrong(cause)
  }
  // Shares that do not belong together give other bytes and no error.
  if (key.length === 32 && keyCheckValue(key) === check) return key
  throw wrong()
}

function readMaterial(bytes: Uint8Array): z.output<typeof materialSchema> {
  try {
    return materialSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch (cause) {
    // Its name is a digest of it, so it is as it was written.
    throw new Failure('unsupported', 'Cannot read the recovery kit: it is of a form that this program does not know', {
      facts: { hint: 'Use the version that its pages name, or a later one' },
      cause,
    })
  }
}

/** The keys of a kit, in memory only, until it is disposed. */
export interface OpenKit extends Disposable {
  readonly kit: KitFacts
  readonly generations: readonly Generation[]
  masterKey(name: GenerationName): Uint8Array
}

/** Opens what shares hold. Failures as of keyringOfShares() and openKeyring(). */
export async function openKit(
  texts: readonly string[],
  world: Pick<KeyringWorld, 'random' | 'userId'>,
  signal: AbortSignal,
): Promise<OpenKit> {
  const { kit, exported, exportUnlock } = await keyringOfShares(texts)
  const { content, key } = await unwrapContent(exported, `the keys of kit ${kit.kit}`, exportUnlock, world, signal)
  return {
    kit,
    generations: content.entries.map((entry) => generationOf(entry)),
    masterKey: (name) => {
      const entry = findEntry(content.entries, name)
      if (entry.state !== 'destroyed') return key.unwrap(entry)
      throw new Failure('keyring_locked', `Cannot use the kit: the key of generation ${name.generation} was destroyed`)
    },
    [Symbol.dispose]: () => key.close(),
  }
}
