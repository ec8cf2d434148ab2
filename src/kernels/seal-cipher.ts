import { nativeSealCipher } from './native-seal-cipher.ts'
import { portableSealCipher } from './portable-seal-cipher.ts'
import type { KernelMemory } from './kernel-memory.ts'
import type { MasterKey } from './master-key.ts'

/**
 * The two primitives of restic's seal, under one key, over one KernelMemory.
 * An implementation must give the same bytes as every other, and must take views of shared memory.
 */
export interface SealCipher {
  /**
   * Writes `input` XOR the AES-256-CTR stream that begins with the counter block `iv` to `target` from `at` on: it
   * encrypts and decrypts. `input` and that part of `target` are the same bytes or have none in common.
   */
  crypt(iv: Uint8Array, input: Uint8Array, target: Uint8Array, at: number): void

  /** Writes the Poly1305-AES tag of memory.bytes[start, end) under the nonce `iv` to memory.bytes[tagAt, tagAt + 16). */
  authenticate(iv: Uint8Array, start: number, end: number, tagAt: number): void
}

/** The fastest implementation that this process has. */
export function sealCipher(memory: KernelMemory, key: MasterKey): SealCipher {
  return nativeSealCipher(memory, key) ?? portableSealCipher(memory, key)
}
