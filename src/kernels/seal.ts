import { timingSafeEqual } from 'node:crypto'
import { Failure } from '../base/failure.ts'
import { advanceCounter, blocksOf, counterBlockBytes } from './counter.ts'
import { KernelMemory } from './kernel-memory.ts'
import type { MasterKey } from './master-key.ts'
import { portableSealCipher } from './portable-seal-cipher.ts'
import { sealCipher } from './seal-cipher.ts'
import type { SealCipher } from './seal-cipher.ts'

export type { MasterKey } from './master-key.ts'

/**
 * restic's seal (restic doc/design.rst, "Keys, Encryption and MAC"):
 * initialisation vector (16 bytes) | AES-256-CTR ciphertext | Poly1305-AES tag of the ciphertext (16 bytes).
 * The vector is the first counter block, and also the nonce of Poly1305-AES.
 *
 * Why vectors need not be random one by one. CTR needs that no counter block is ever used twice under a key, and
 * Poly1305-AES that no nonce is. A Sealer draws a random 128-bit counter at begin() and counts on:
 * each seal begins at the block behind the last one's, and takes at least one block, so within a run all blocks
 * and all nonces differ. Two runs of b blocks meet with probability 2b / 2^128, exactly as two blobs of b
 * blocks with random vectors do; n runs with about n^2 b / 2^128. To a reader these are vectors like any other.
 */

/** Bytes by which a sealed text is longer than its plaintext. */
export const sealedOverhead = 32

const ivBytes = counterBlockBytes
const tagBytes = 16

/** Seals into a KernelMemory. */
export class Sealer {
  readonly #memory: KernelMemory
  readonly #cipher: SealCipher
  readonly #randomIv: () => Uint8Array
  readonly #counter = Buffer.alloc(ivBytes)
  #begun = false

  /** `randomIv` gives 16 bytes from the system's random generator. */
  constructor(memory: KernelMemory, key: MasterKey, randomIv: () => Uint8Array, cipher = sealCipher(memory, key)) {
    this.#memory = memory
    this.#cipher = cipher
    this.#randomIv = randomIv
  }

  /** Draws a new random counter. To be called at the start of each pack; the first seal() does it where nobody did. */
  begin(): void {
    this.#counter.set(this.#randomIv())
    this.#begun = true
  }

  /**
   * Seals `plaintext` into memory.bytes[at, at + plaintext.length + sealedOverhead); answers the sealed length.
   * `plaintext` lies outside that range, or exactly at `at + 16`, where the ciphertext takes its place.
   */
  seal(plaintext: Uint8Array, at: number): number {
    if (!this.#begun) this.begin()
    const { bytes } = this.#memory
    const start = at + ivBytes
    const end = start + plaintext.length
    if (at < 0 || end + tagBytes > bytes.length) {
      throw new Failure('defect', `Cannot seal ${plaintext.length} bytes at ${at}: the memory ends at ${bytes.length}`)
    }
    this.#cipher.crypt(this.#counter, plaintext, bytes, start)
    this.#cipher.authenticate(this.#counter, start, end, end)
    bytes.set(this.#counter, at)
    advanceCounter(this.#counter, blocksOf(plaintext.length))
    return end + tagBytes - at
  }
}

/** Opens what lies in a KernelMemory. */
export class Opener {
  readonly #memory: KernelMemory
  readonly #cipher: SealCipher

  constructor(memory: KernelMemory, key: MasterKey, cipher = sealCipher(memory, key)) {
    this.#memory = memory
    this.#cipher = cipher
  }

  /**
   * The plaintext of the sealed bytes[start, end), in a buffer of its own. Failure `repository_damaged` where the
   * tag is wrong or there is no room for one; nothing is decrypted then.
   */
  open(start: number, end: number): Buffer {
    this.verify(start, end)
    const plaintext = Buffer.allocUnsafe(end - start - sealedOverhead)
    this.#decrypt(start, end, plaintext, 0)
    return plaintext
  }

  /**
   * As open(), but into `target` from `at` on; answers the plaintext's length. The target may be the ciphertext's own
   * place, bytes[start + 16, end - 16), but must not overlap it otherwise.
   */
  openInto(start: number, end: number, target: Uint8Array, at: number): number {
    this.verify(start, end)
    return this.#decrypt(start, end, target, at)
  }

  /** Checks the tag alone. */
  verify(start: number, end: number): void {
    const { bytes, tagAt } = this.#memory
    if (!(start >= 0 && end <= bytes.length && end - start >= sealedOverhead)) {
      const found = `bytes ${start} to ${end}`
      throw new Failure('repository_damaged', `Cannot open sealed bytes: found ${found}, expected 32 bytes or more`)
    }
    const tagStart = end - tagBytes
    this.#cipher.authenticate(bytes.subarray(start, start + ivBytes), start + ivBytes, tagStart, tagAt)
    if (!timingSafeEqual(bytes.subarray(tagAt, tagAt + tagBytes), bytes.subarray(tagStart, end))) {
      throw new Failure('repository_damaged', 'Cannot open sealed bytes: the authenticator does not match')
    }
  }

  #decrypt(start: number, end: number, target: Uint8Array, at: number): number {
    const { bytes } = this.#memory
    const ciphertext = bytes.subarray(start + ivBytes, end - tagBytes)
    if (at < 0 || at + ciphertext.length > target.length) {
      throw new Failure(
        'defect',
        `Cannot open ${ciphertext.length} bytes: the target has room for ${target.length - at}`,
      )
    }
    this.#cipher.crypt(bytes.subarray(start, start + ivBytes), ciphertext, target, at)
    return ciphertext.length
  }
}

/** Seals one small object under a random vector. `memory` is used as scratch from its start on. */
export function sealBytes(memory: KernelMemory, key: MasterKey, plaintext: Uint8Array, iv: Uint8Array): Buffer {
  const own = roomFor(memory, plaintext.length + sealedOverhead)
  const length = new Sealer(own, key, () => iv, portableSealCipher(own, key)).seal(plaintext, own.start)
  return Buffer.copyBytesFrom(own.bytes, own.start, length)
}

/** Opens one small object; Failure `repository_damaged` where its seal is broken. `memory` is used as scratch. */
export function openBytes(memory: KernelMemory, key: MasterKey, sealed: Uint8Array): Buffer {
  const own = roomFor(memory, sealed.length)
  own.bytes.set(sealed, own.start)
  return new Opener(own, key, portableSealCipher(own, key)).open(own.start, own.start + sealed.length)
}

function roomFor(memory: KernelMemory, bytes: number): KernelMemory {
  return memory.end - memory.start >= bytes ? memory : new KernelMemory({ regionBytes: bytes })
}
