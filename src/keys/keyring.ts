import { throwIfStopped } from '../base/abort.ts'
import { Failure } from '../base/failure.ts'
import type { Environment } from '../model/policy/policy.ts'
import { checkKeyring, type KeyringCheck } from './check-keyring.ts'
import {
  type EvidenceKey,
  evidenceKeyOf,
  mergedEvidenceKeys,
  signEvidenceText,
  withNewEvidenceKey,
} from './evidence-keys.ts'
import { describeGeneration, type Generation, type GenerationName } from './generation.ts'
import type { KeyEncryptionKey } from './key-encryption-key.ts'
import { type EntryTools, findEntry, generationOf, withDestroyed, withNewGeneration } from './keyring-entries.ts'
import { authenticate, encodeKeyringFile, type KeyringContent, keyringDamaged } from './keyring-file.ts'
import { takeKeyringLock } from './keyring-lock.ts'
import type { KeyringWorld } from './keyring-world.ts'
import { type ImportOutcome, mergeEntries } from './merge-entries.ts'
import { unwrapContent } from './open-content.ts'
import { type ReadKeyring, readKeyring } from './read-keyring-file.ts'
import { replaceKeyringFile } from './replace-keyring-file.ts'
import { rewrappedContent } from './rewrap-content.ts'
import { passphraseProvider } from './passphrase-provider.ts'
import { providerOf, type Unlock } from './unlock.ts'
import { wrapNewKey } from './wrap-new-key.ts'

interface Change {
  readonly content: KeyringContent
  /** The key that authenticates it. */
  readonly key: KeyEncryptionKey
  readonly last: 'keep' | 'replace'
}

/**
 * The keys of the backups, apart from the backups. An open keyring was authenticated whole: no entry was added,
 * removed, swapped or put back by somebody without its secret. Each change is on disk when its call resolves, or has
 * changed nothing; changes by other processes meanwhile are not lost. Of the file as a whole an older version may
 * have been put back: `sequence` tells it from a newer one.
 */
export class Keyring implements Disposable {
  /** The real path of its file. */
  readonly file: string
  #content: KeyringContent
  #key: KeyEncryptionKey
  readonly #world: KeyringWorld

  /** Use openKeyring() or createKeyring(). */
  constructor(options: { file: string; content: KeyringContent; key: KeyEncryptionKey; world: KeyringWorld }) {
    this.file = options.file
    this.#content = options.content
    this.#key = options.key
    this.#world = options.world
  }

  get id(): string {
    return this.#content.id
  }

  /** Grows by one with each write. */
  get sequence(): number {
    return this.#content.sequence
  }

  /** Oldest first in each environment. */
  get generations(): readonly Generation[] {
    return this.#content.entries.map((entry) => generationOf(entry))
  }

  /** The generation that new backups of an environment belong to. Failure `keyring_locked` where it has none. */
  active(environment: Environment): Generation {
    const found = this.generations.find((one) => one.environment === environment && one.state === 'active')
    if (found !== undefined) return found
    throw new Failure('keyring_locked', `Cannot find a key for ${environment}: keyring "${this.file}" has none`, {
      facts: { hint: '`keys rotate` with a policy of that environment makes the first one' },
    })
  }

  /**
   * The master key of a generation, 64 bytes: encrypt 32 | macK 16 | macR 16; a copy for the caller to overwrite. Failure
   * `keyring_locked` where it is destroyed or was never here.
   */
  masterKey(name: GenerationName): Uint8Array {
    const entry = findEntry(this.#content.entries, name)
    if (entry.state !== 'destroyed') return this.#key.unwrap(entry)
    throw new Failure(
      'keyring_locked',
      `Cannot open what ${describeGeneration(name)} sealed: its key was destroyed at ${entry.destroyedAt}`,
    )
  }

  /** The keys that signed evidence, the one that signs now last; none before the first signature of an older keyring. */
  get evidenceKeys(): readonly EvidenceKey[] {
    return (this.#content.evidenceKeys ?? []).map((entry) => evidenceKeyOf(entry))
  }

  /** Signs a text of the evidence. A keyring that has no key for it yet gets one, which is on disk before it signs. */
  async signEvidence(text: string, signal: AbortSignal): Promise<{ readonly key: string; readonly signature: string }> {
    if (this.#content.evidenceKeys === undefined) await this.#newEvidenceKey('keep', signal)
    const active = this.#content.evidenceKeys?.find((entry) => entry.state === 'active')
    if (active === undefined) throw new Failure('defect', 'Cannot sign evidence: the keyring has no key for it')
    return signEvidenceText(active, text, this.#key)
  }

  /** Another key signs evidence from now on. The public part of the one before stays, for what it signed. */
  async rotateEvidenceKey(signal: AbortSignal): Promise<EvidenceKey> {
    await this.#newEvidenceKey('replace', signal)
    return this.evidenceKeys.at(-1)!
  }

  /** Starts a new generation of an environment; the one that was active is retired, and its backups stay restorable. */
  async rotate(environment: Environment, signal: AbortSignal): Promise<Generation> {
    let name: GenerationName | undefined
    await this.#change(signal, (content, tools) => {
      const { entries, created } = withNewGeneration(content.entries, environment, tools)
      name = created
      return { content: { ...content, entries }, key: this.#key, last: 'keep' }
    })
    return this.#generation(name!)
  }

  /**
   * Destroys the key of a retired generation: nothing that it sealed can be opened again. The key leaves the file, the
   * version before it, and the bytes of both on disk as far as the file system lets us; copies elsewhere are their
   * owner's to destroy. May be repeated. Failure `refused` for an active one. Whether it may go, planKeyDestruction()
   * says.
   */
  async destroy(name: GenerationName, signal: AbortSignal): Promise<Generation> {
    await this.#change(signal, (content, tools) => {
      const entries = withDestroyed(content.entries, name, tools)
      return { content: { ...content, entries }, key: this.#key, last: 'replace' }
    })
    return this.#generation(name)
  }

  /**
   * Wraps all keys by a new key-encryption key that `unlock` opens; the old secret opens nothing of this folder any more. The
   * new secret has opened the new version before it takes the place of the old one, so at each moment one of the
   * two opens the keyring: before the commit the old, after it the new.
   */
  async rewrap(unlock: Unlock, signal: AbortSignal): Promise<void> {
    const provider = providerOf(unlock, this.#world)
    await this.#change(signal, async (content, { random }) => {
      const { key, wrapped } = await wrapNewKey(provider, content, random, signal)
      const again = rewrappedContent(content, this.#key, { key, random })
      const keyEncryptionKey = { version: key.version, wrapped }
      return { content: { ...content, keyEncryptionKey, ...again }, key, last: 'replace' }
    })
  }

  /** The whole keyring as a file that a passphrase opens: for the safe, and for import(). */
  async exportMaterial(passphrase: string, signal: AbortSignal): Promise<Uint8Array> {
    const { random, clock } = this.#world
    const provider = passphraseProvider({ passphrase, random })
    const { key, wrapped } = await wrapNewKey(provider, this.#content, random, signal)
    try {
      const content: KeyringContent = {
        ...this.#content,
        writtenAt: clock.now().toISOString(),
        keyEncryptionKey: { version: key.version, wrapped },
        ...rewrappedContent(this.#content, this.#key, { key, random }),
      }
      return encodeKeyringFile(content, key.authentication)
    } finally {
      key.close()
    }
  }

  /** Adds the generations of an export that are not here. Failure `refused` where one is here with another key. */
  async import(exported: Uint8Array, unlock: Unlock, signal: AbortSignal): Promise<ImportOutcome> {
    const { content: theirs, key: theirKey } = await unwrapContent(exported, 'the export', unlock, this.#world, signal)
    let outcome: ImportOutcome | undefined
    try {
      await this.#change(signal, (content, tools) => {
        const merged = mergeEntries(content.entries, theirs.entries, theirKey, tools)
        outcome = merged.outcome
        const evidenceKeys = mergedEvidenceKeys(content.evidenceKeys ?? [], theirs.evidenceKeys ?? [], theirKey, tools)
        const hasNewKeys = evidenceKeys.length > (content.evidenceKeys ?? []).length
        if (merged.outcome.added.length === 0 && !hasNewKeys) return undefined
        const signing = evidenceKeys.length === 0 ? {} : { evidenceKeys }
        return { content: { ...content, entries: merged.entries, ...signing }, key: this.#key, last: 'keep' }
      })
    } finally {
      theirKey.close()
    }
    return outcome!
  }

  /**
   * Takes in what other processes changed since it was opened: a service that keeps a keyring open calls it before it asks
   * which generation is active. Failure `keyring_locked` where it was rewrapped meanwhile; `keyring_damaged`.
   */
  async refresh(signal: AbortSignal): Promise<void> {
    throwIfStopped(signal)
    this.#content = (await this.#readAgain()).content
  }

  /** Reads the file again, opens every key, and looks at what lies beside it. Failure `keyring_damaged`. */
  async check(signal: AbortSignal): Promise<KeyringCheck> {
    throwIfStopped(signal)
    const found = await this.#readAgain()
    return await checkKeyring({ file: this.file, found, key: this.#key, userId: this.#world.userId })
  }

  /** Forgets the keys. The keyring can not be used any more. */
  close(): void {
    this.#key.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #generation(name: GenerationName): Generation {
    return generationOf(findEntry(this.#content.entries, name))
  }

  /** `keep`: only where there is none, since another process may have made it meanwhile. */
  async #newEvidenceKey(whenPresent: 'keep' | 'replace', signal: AbortSignal): Promise<void> {
    await this.#change(signal, (content, tools) => {
      if (whenPresent === 'keep' && content.evidenceKeys !== undefined) {
        this.#content = content
        return undefined
      }
      const evidenceKeys = withNewEvidenceKey(content.evidenceKeys ?? [], tools)
      return { content: { ...content, evidenceKeys }, key: this.#key, last: whenPresent }
    })
  }

  /** Makes a change on what is in the file now, under the lock. No change where `decide` gives none. */
  async #change(
    signal: AbortSignal,
    decide: (content: KeyringContent, tools: EntryTools) => Change | undefined | Promise<Change | undefined>,
  ): Promise<void> {
    const { clock, random, onWriteStep } = this.#world
    await using lock = await takeKeyringLock(this.file, this.#world, signal)
    const found = await this.#readAgain()
    const now = clock.now()
    const change = await decide(found.content, { key: this.#key, random, now })
    if (change === undefined) return
    throwIfStopped(signal)
    const content = { ...change.content, sequence: found.content.sequence + 1, writtenAt: now.toISOString() }
    await replaceKeyringFile({
      file: this.file,
      bytes: encodeKeyringFile(content, change.key.authentication),
      before: found.bytes,
      last: change.last,
      requireHeld: () => lock.requireHeld(),
      onStep: onWriteStep ?? (() => {}),
    })
    this.#content = content
    if (change.key !== this.#key) this.#key.close()
    this.#key = change.key
  }

  async #readAgain(): Promise<ReadKeyring> {
    const found = await readKeyring(this.file)
    const { id, keyEncryptionKey, sequence } = found.content
    const what = `keyring "${this.file}"`
    if (id === this.id && keyEncryptionKey.version > this.#key.version) {
      throw new Failure('keyring_locked', `Cannot use ${what}: it was rewrapped after it was opened`, {
        facts: { hint: 'Run the command again, with the new secret' },
      })
    }
    if (id !== this.id || sequence < this.sequence) {
      throw keyringDamaged(what, 'another or an older version was put in its place while it was open')
    }
    authenticate(found, this.#key.authentication, what)
    return found
  }
}
