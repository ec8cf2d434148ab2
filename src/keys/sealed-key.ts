import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto'
import type { RandomBytes } from '../base/random.ts'
import { z } from 'zod'

/** Base64 of exactly so many bytes. */
export function base64Schema(bytes: number): z.ZodString {
  const length = 4 * Math.ceil(bytes / 3)
  return z
    .string()
    .length(length)
    .regex(/^[A-Za-z0-9+/]+={0,2}$/)
}

const nonceBytes = 12
const tagBytes = 16

/** A key of `bytes` bytes sealed by AES-256-GCM under a random nonce. */
export function sealedKeySchema(bytes: number) {
  return z.strictObject({
    nonce: base64Schema(nonceBytes),
    /** Ciphertext and tag. */
    sealed: base64Schema(bytes + tagBytes),
  })
}

export interface SealedKey {
  readonly nonce: string
  readonly sealed: string
}

/** Seals `plain` under a 32-byte key. It opens only with the same `context`, which says what it is and where it belongs. */
export function sealKey(key: Uint8Array, plain: Uint8Array, context: string, random: RandomBytes): SealedKey {
  const nonce = random(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(Buffer.from(context))
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  return { nonce: Buffer.from(nonce).toString('base64'), sealed: sealed.toString('base64') }
}

/** What was sealed; undefined where key, context or a byte is another. */
export function openKey(key: Uint8Array, { nonce, sealed }: SealedKey, context: string): Uint8Array | undefined {
  const bytes = Buffer.from(sealed, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64'), { authTagLength: tagBytes })
  decipher.setAAD(Buffer.from(context))
  decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes))
  const plain = decipher.update(bytes.subarray(0, bytes.length - tagBytes))
  try {
    return Uint8Array.from(Buffer.concat([plain, decipher.final()]))
  } catch {
    return undefined // The tag is wrong; final() has no other way to fail.
  }
}

/** A key for one purpose out of a key for several (HKDF-SHA256). */
export function deriveKey(key: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, Buffer.alloc(0), `zakops-backup keyring 1: ${purpose}`, 32))
}

/**
 * Tells whether a key is the one that something was sealed with, so that a wrong key is told from damage: 64 bits of
 * a code that says nothing else of the key.
 */
export function keyCheckValue(key: Uint8Array): string {
  return createHmac('sha256', deriveKey(key, 'check value')).digest('hex').slice(0, 16)
}
