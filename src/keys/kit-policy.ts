import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { Failure } from '../base/failure.ts'
import type { RandomBytes } from '../base/random.ts'

const nonceBytes = 12
const tagBytes = 16
/** More than any policy file may have. */
const textBytesMax = 1024 * 1024

/** The policy of a kit, sealed under the kit's key, in base64: the machine that it is needed on has nothing but shares. */
export function sealKitPolicy(text: string, key: Uint8Array, random: RandomBytes): string {
  const nonce = random(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', policyKey(key), nonce)
  const sealed = [cipher.update(deflateRawSync(Buffer.from(text))), cipher.final()]
  return Buffer.concat([nonce, ...sealed, cipher.getAuthTag()]).toString('base64')
}

/** The text again. Failure `kit_damaged` where it was sealed under another key. */
export function openKitPolicy(sealed: string, key: Uint8Array): string {
  const bytes = Buffer.from(sealed, 'base64')
  try {
    const decipher = createDecipheriv('aes-256-gcm', policyKey(key), bytes.subarray(0, nonceBytes))
    decipher.setAuthTag(bytes.subarray(-tagBytes))
    const packed = [decipher.update(bytes.subarray(nonceBytes, -tagBytes)), decipher.final()]
    return inflateRawSync(Buffer.concat(packed), { maxOutputLength: textBytesMax }).toString('utf8')
  } catch (cause) {
    throw new Failure('kit_damaged', 'Cannot open the policy of the recovery kit: it is not as it was sealed', {
      cause,
    })
  }
}

/** A key of its own: the kit's key itself is a passphrase and a password. */
function policyKey(key: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, new Uint8Array(), 'zakops-backup recovery kit policy', 32))
}
