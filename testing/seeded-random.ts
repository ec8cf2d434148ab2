import { createCipheriv, hash } from 'node:crypto'

/** Random choices that a seed repeats on every machine: the key stream of AES-128-CTR, the seed hashed to its key. */
export interface SeededRandom {
  readonly seed: string
  /** That many bytes. */
  bytes(count: number): Buffer
  /** Fills the whole of `target`. */
  fill(target: Uint8Array): void
  /** A whole number from 0 to `limit` - 1; limit is at most 2^32. */
  below(limit: number): number
  /** One of these. */
  pick<T>(values: readonly T[]): T
}

export function seededRandom(seed: string): SeededRandom {
  const key = hash('sha256', seed, 'buffer')
  const cipher = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16, 32))
  const zeros = Buffer.alloc(64 * 1024)
  const bytes = (count: number): Buffer => {
    if (count <= zeros.length) return cipher.update(zeros.subarray(0, count))
    return cipher.update(Buffer.alloc(count))
  }
  // Small choices are served from a block: one call of the cipher for each is slow.
  let block: Buffer = Buffer.alloc(0)
  let used = 0
  const below = (limit: number): number => {
    if (used + 4 > block.length) {
      block = bytes(16 * 1024)
      used = 0
    }
    used += 4
    return Math.floor((block.readUInt32LE(used - 4) / 0x1_0000_0000) * limit)
  }
  return {
    seed,
    bytes,
    fill: (target) => {
      for (let at = 0; at < target.length; at += zeros.length) {
        target.set(bytes(Math.min(zeros.length, target.length - at)), at)
      }
    },
    below,
    pick: (values) => values[below(values.length)]!,
  }
}
