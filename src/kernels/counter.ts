/** Bytes of an AES block, and of the counter. */
export const counterBlockBytes = 16

/** Counter blocks that a sealed text of this many bytes uses up: at least one, so that no vector comes twice. */
export function blocksOf(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / counterBlockBytes))
}

/** Adds `blocks` to a 128-bit big-endian counter in place, modulo 2^128, as AES-CTR does. */
export function advanceCounter(counter: Uint8Array, blocks: number): void {
  let carry = blocks
  for (let at = counter.length - 1; at >= 0 && carry > 0; at--) {
    const sum = counter[at]! + (carry % 256)
    counter[at] = sum & 255
    carry = Math.floor(carry / 256) + (sum >> 8)
  }
}
