import { Failure } from '../base/failure.ts'
import { counterBlockBytes } from './counter.ts'
import type { KernelMemory } from './kernel-memory.ts'
import type { MasterKey } from './master-key.ts'
import { openSsl } from '../posix/open-ssl.ts'
import type { OpenSsl } from '../posix/open-ssl.ts'
import type { SealCipher } from './seal-cipher.ts'

const tagBytes = 16
/** OpenSSL counts bytes in an int; a pack's blobs are far below. */
const inputBytesMax = 2 ** 31 - 1

/** Frees the OpenSSL objects of ciphers that nobody holds any more. */
const garbage = new FinalizationRegistry<() => void>((free) => free())

/** The seal's primitives by OpenSSL itself, in place; undefined where this process does not lend it. */
export function nativeSealCipher(memory: KernelMemory, key: MasterKey): SealCipher | undefined {
  const ssl = openSsl()
  if (ssl === undefined) return undefined
  const algorithms = {
    mac: ssl.EVP_MAC_fetch(null, 'POLY1305', null),
    counterCipher: ssl.EVP_CIPHER_fetch(null, 'AES-256-CTR', null),
    nonceCipher: ssl.EVP_CIPHER_fetch(null, 'AES-128-ECB', null),
  }
  // An OpenSSL that is restricted to approved algorithms answers null for Poly1305.
  return Object.values(algorithms).includes(null) ? undefined : cipherOf(ssl, algorithms, memory, key)
}

interface Algorithms {
  readonly mac: unknown
  readonly counterCipher: unknown
  readonly nonceCipher: unknown
}

function cipherOf(ssl: OpenSsl, algorithms: Algorithms, memory: KernelMemory, key: MasterKey): SealCipher {
  const { counterCipher, nonceCipher } = algorithms
  const counter = ssl.EVP_CIPHER_CTX_new()
  const nonce = ssl.EVP_CIPHER_CTX_new()
  const mac = ssl.EVP_MAC_CTX_new(algorithms.mac)
  must(ssl.EVP_EncryptInit_ex2(counter, counterCipher, exactly(key.encrypt, 32), Buffer.alloc(counterBlockBytes), null))
  must(ssl.EVP_EncryptInit_ex2(nonce, nonceCipher, exactly(key.macK, 16), null, null))
  must(ssl.EVP_CIPHER_CTX_set_padding(nonce, 0))

  // r, which stays, and AES_k(nonce), which is written behind it for each tag.
  const macKey = Buffer.alloc(32)
  macKey.set(exactly(key.macR, 16))
  const pad = macKey.subarray(16)
  const written = Buffer.alloc(8)

  const cipher: SealCipher = {
    crypt(iv, input, target, at) {
      if (at < 0 || at + input.length > target.length || input.length > inputBytesMax) throw outOfBounds()
      must(ssl.EVP_EncryptInit_ex2(counter, null, null, exactly(iv, counterBlockBytes), null))
      if (input.length === 0) return
      must(ssl.EVP_EncryptUpdate(counter, target.subarray(at), written, input, input.length))
    },
    authenticate(iv, start, end, tagAt) {
      const { bytes } = memory
      if (!(start >= 0 && start <= end && end <= bytes.length && tagAt >= 0 && tagAt + tagBytes <= bytes.length)) {
        throw outOfBounds()
      }
      must(ssl.EVP_EncryptUpdate(nonce, pad, written, exactly(iv, counterBlockBytes), counterBlockBytes))
      must(ssl.EVP_MAC_init(mac, macKey, macKey.length, null))
      if (end > start) must(ssl.EVP_MAC_update(mac, bytes.subarray(start), end - start))
      must(ssl.EVP_MAC_final(mac, bytes.subarray(tagAt), written, tagBytes))
    },
  }
  garbage.register(cipher, () => {
    ssl.EVP_CIPHER_CTX_free(counter)
    ssl.EVP_CIPHER_CTX_free(nonce)
    ssl.EVP_MAC_CTX_free(mac)
  })
  return cipher
}

/** C reads as many bytes as it was promised, whatever the array has. */
function exactly(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length)
    throw new Failure('defect', `Cannot seal: a key or vector has ${bytes.length} bytes, expected ${length}`)
  return bytes
}

function must(answer: number): void {
  if (answer !== 1) throw new Failure('defect', 'Cannot seal: OpenSSL refused a call that it should take')
}

function outOfBounds(): Failure {
  return new Failure('defect', 'Cannot seal: the bytes lie outside the memory')
}
