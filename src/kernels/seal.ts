import { createCipheriv, timingSafeEqual } from 'node:crypto'
import type { Cipheriv } from 'node:crypto'
import { Failure } from '../base/failure.ts'
import { advanceCounter } from './counter.ts'
import { KernelMemory } from './kernel-memory.ts'

/**
 * restic's seal (restic doc/design.rst, "Keys, Encryption and MAC"):
 * initialisation vector (16 bytes) | AES-256-CTR ciphertext | Poly1305-AES tag of the ciphertext (16 bytes).
 * The vector is the first counter block, and also the nonce of Poly1305-AES.
 *
 * Why vectors need not be random one by one. CTR needs that no counter block is ever used twice under a key, and
 * Poly1305-AES that no nonce is. A Sealer draws a random 128-bit counter at begin() and lets one cipher run on:
 * each seal begins at the block behind the last one's, and takes at least one block, so within a run all blocks
 * and all nonces differ. Two runs of b blocks meet with probability 2b / 2^128, exactly as two blobs of b
 * blocks with random vectors do; n runs with about n^2 b / 2^128. To a reader these are vectors like any other.
 */

/** A repository's master key. */
export interface MasterKey {
  /** AES-256 key, 32 bytes. */
  readonly encrypt: Uint8Array
  /** AES-128 key of Poly1305-AES, 16 bytes. */
  readonly macK: Uint8Array
  /** r of Poly1305, 16 bytes; masked where it is used. */
  readonly macR: Uint8Array
}

/** Bytes by which a sealed text is longer than its plaintext. */
export const sealedOverhead = 32

const blockBytes = 16
/** Inputs of the cipher are cut to this, so that its outputs come from malloc's heap and not from fresh pages. */
const cipherSliceBytes = 64 * 1024
const zeros = Buffer.alloc(blockBytes)

/** Seals into a KernelMemory. begin() must be called before the first seal(). */
export class Sealer {
  readonly #memory: KernelMemory
  readonly #key: MasterKey
  readonly #randomIv: () => Uint8Array
  readonly #nonceCipher: Cipheriv
  readonly #counter = Buffer.alloc(blockBytes)
  #cipher: Cipheriv | undefined

  /** `randomIv` gives 16 bytes from the system's random generator. */
  constructor(memory: KernelMemory, key: MasterKey, randomIv: () => Uint8Array) {
    this.#memory = memory
    this.#key = key
    this.#randomIv = randomIv
    this.#nonceCipher = nonceCipher(key)
  }

  /** Draws a new random counter. To be called at the start of each pack. */
  begin(): void {
    this.#counter.set(this.#randomIv())
    this.#cipher = createCipheriv('aes-256-ctr', this.#key.encrypt, this.#counter)
  }

  /**
   * Seals `plaintext` into memory.bytes from `at` on; answers the sealed length. `plaintext` may lie in the same
   * memory, and overlap the target where it begins at or behind `at + 16`.
   */
  seal(plaintext: Uint8Array, at: number): number {
    if (this.#cipher === undefined) this.begin()
    const cipher = this.#cipher!
    const { bytes } = this.#memory
    const ciphertextAt = at + blockBytes
    bytes.set(this.#counter, at)
    const end = runCipher(cipher, plaintext, bytes, ciphertextAt)
    const s = this.#nonceCipher.update(this.#counter)
    this.#memory.setMacKey(this.#key.macR)
    this.#memory.mac(ciphertextAt, end, s, end)
    const blocks = Math.max(1, Math.ceil(plaintext.length / blockBytes))
    const padding = blocks * blockBytes - plaintext.length
    if (padding > 0) cipher.update(zeros.subarray(0, padding))
    advanceCounter(this.#counter, blocks)
    return end + blockBytes - at
  }
}

/** Opens what lies in a KernelMemory. */
export class Opener {
  readonly #memory: KernelMemory
  readonly #key: MasterKey
  readonly #nonceCipher: Cipheriv
  readonly #expected = Buffer.alloc(blockBytes)
  #cipher: Cipheriv | undefined

  constructor(memory: KernelMemory, key: MasterKey) {
    this.#memory = memory
    this.#key = key
    this.#nonceCipher = nonceCipher(key)
  }

  /**
   * The plaintext of the sealed bytes[start, end), in a buffer of its own. Failure `repository_damaged` where the
   * tag is wrong or there is no room for one; nothing is decrypted then.
   */
  open(start: number, end: number): Buffer {
    this.verify(start, end)
    const plaintext = Buffer.allocUnsafeSlow(end - start - sealedOverhead)
    this.#decrypt(start, end, plaintext, 0)
    return plaintext
  }

  /** As open(), but into `target` from `at` on; answers the plaintext's length. */
  openInto(start: number, end: number, target: Uint8Array, at: number): number {
    this.verify(start, end)
    return this.#decrypt(start, end, target, at) - at
  }

  /** Checks the tag alone. */
  verify(start: number, end: number): void {
    const { bytes, tagAt } = this.#memory
    if (end - start < sealedOverhead) {
      throw new Failure(
        'repository_damaged',
        `Cannot open sealed bytes: there are ${end - start}, expected at least 32`,
      )
    }
    const s = this.#nonceCipher.update(bytes.subarray(start, start + blockBytes))
    this.#memory.setMacKey(this.#key.macR)
    this.#memory.mac(start + blockBytes, end - blockBytes, s, tagAt)
    const tag = bytes.subarray(tagAt, tagAt + blockBytes)
    if (!timingSafeEqual(tag, bytes.subarray(end - blockBytes, end))) {
      throw new Failure('repository_damaged', 'Cannot open sealed bytes: the authenticator does not match')
    }
  }

  /** The vectors of a pack that a Sealer wrote follow one another: then one cipher runs through the whole pack. */
  #decrypt(start: number, end: number, target: Uint8Array, at: number): number {
    const { bytes } = this.#memory
    const iv = bytes.subarray(start, start + blockBytes)
    if (this.#cipher === undefined || Buffer.compare(iv, this.#expected) !== 0) {
      this.#expected.set(iv)
      this.#cipher = createCipheriv('aes-256-ctr', this.#key.encrypt, this.#expected)
    }
    const ciphertext = bytes.subarray(start + blockBytes, end - blockBytes)
    const targetEnd = runCipher(this.#cipher, ciphertext, target, at)
    const blocks = Math.max(1, Math.ceil(ciphertext.length / blockBytes))
    const padding = blocks * blockBytes - ciphertext.length
    if (padding > 0) this.#cipher.update(zeros.subarray(0, padding))
    advanceCounter(this.#expected, blocks)
    return targetEnd
  }
}

/** Seals one small object under a random vector. `memory` is used as scratch from its start on. */
export function sealBytes(memory: KernelMemory, key: MasterKey, plaintext: Uint8Array, iv: Uint8Array): Uint8Array {
  const own = roomFor(memory, plaintext.length + sealedOverhead)
  const length = new Sealer(own, key, () => iv).seal(plaintext, own.start)
  return Buffer.copyBytesFrom(own.bytes, own.start, length)
}

/** Opens one small object; Failure `repository_damaged` where its seal is broken. `memory` is used as scratch. */
export function openBytes(memory: KernelMemory, key: MasterKey, sealed: Uint8Array): Buffer {
  const own = roomFor(memory, sealed.length)
  own.bytes.set(sealed, own.start)
  return new Opener(own, key).open(own.start, own.start + sealed.length)
}

function roomFor(memory: KernelMemory, bytes: number): KernelMemory {
  return memory.end - memory.start >= bytes ? memory : new KernelMemory({ regionBytes: bytes })
}

function runCipher(cipher: Cipheriv, input: Uint8Array, target: Uint8Array, at: number): number {
  for (let from = 0; from < input.length; from += cipherSliceBytes) {
    const output = cipher.update(input.subarray(from, from + cipherSliceBytes))
    target.set(output, at)
    at += output.length
  }
  return at
}

function nonceCipher(key: MasterKey): Cipheriv {
  const cipher = createCipheriv('aes-128-ecb', key.macK, null)
  cipher.setAutoPadding(false)
  return cipher
}
