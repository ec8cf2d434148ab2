import { createCipheriv } from 'node:crypto'

/** Layout of the chunker's key: two tables of 16 bytes, then five odd numbers of 64 bits, little-endian. */
const tableBytes = 16
const factorsMax = 5
const factorBytes = 8

/**
 * The numbers that key the chunker, from a key of 32 bytes: the AES-256-CTR stream of the key from counter zero,
 * with two corrections. The factors are made odd, so that they lose nothing. The sums for the bytes 0x00 and 0xff are
 * made not zero, so that long runs of them, which are common, hold no candidates: they would cost time.
 */
export function expandGearKey(key: Uint8Array): Uint8Array {
  const length = 2 * tableBytes + factorsMax * factorBytes
  const expanded = createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length))
  for (const half of [0x0, 0xf]) {
    const isZero = ((expanded[half]! + expanded[tableBytes + half]!) & 0xff) === 0
    if (isZero) expanded[half]! ^= 0x55
  }
  for (let factor = 0; factor < factorsMax; factor++) expanded[2 * tableBytes + factor * factorBytes]! |= 1
  return expanded
}
