/**
 * Content-defined chunking with a keyed gear hash: hash = (hash << 1) + gear[byte], so that a bit at place p
 * depends on the last p + 1 bytes. FastCDC's two ideas are used: nothing is looked at before the minimum, and
 * the mask is stricter before the target than after it, which narrows the spread of sizes.
 * src/kernels/reference/chunker-reference.ts says the same without speed.
 */

const bytesMin: usize = 512 * 1024
const bytesTarget: usize = 1024 * 1024
const bytesMax: usize = 8 * 1024 * 1024

/** Bytes that the hash remembers. It is warmed up with them, so that a cut depends on its window alone. */
const windowBytes: usize = 64

/** The highest bits depend on the whole window. */
const strictMask: u64 = 0xfffffc0000000000 // 22 bits
const looseMask: u64 = 0xffffc00000000000 // 18 bits

const gearTable: usize = memory.data(256 * 8, 64)

export function gearTableAt(): usize {
  return gearTable
}

/** Length of the first chunk of [start, end), or 0 where more bytes must be seen first. */
export function cut(start: usize, end: usize, atEnd: bool): usize {
  const length = end - start
  if (length < bytesMax && !atEnd) return 0
  if (length <= bytesMin) return length
  const stop = start + min(length, bytesMax)
  const middle = min(start + bytesTarget, stop)
  let at = start + bytesMin - windowBytes
  let hash: u64 = 0
  for (let i: usize = 0; i < windowBytes; i++) hash = (hash << 1) + gear(load<u8>(at + i))
  at += windowBytes

  // Eight bytes a turn: one load, and no test for the end between them.
  while (at + 8 <= middle) {
    const bytes = load<u64>(at)
    hash = (hash << 1) + gear(bytes & 255)
    if (!(hash & strictMask)) return at + 1 - start
    hash = (hash << 1) + gear((bytes >> 8) & 255)
    if (!(hash & strictMask)) return at + 2 - start
    hash = (hash << 1) + gear((bytes >> 16) & 255)
    if (!(hash & strictMask)) return at + 3 - start
    hash = (hash << 1) + gear((bytes >> 24) & 255)
    if (!(hash & strictMask)) return at + 4 - start
    hash = (hash << 1) + gear((bytes >> 32) & 255)
    if (!(hash & strictMask)) return at + 5 - start
    hash = (hash << 1) + gear((bytes >> 40) & 255)
    if (!(hash & strictMask)) return at + 6 - start
    hash = (hash << 1) + gear((bytes >> 48) & 255)
    if (!(hash & strictMask)) return at + 7 - start
    hash = (hash << 1) + gear(bytes >> 56)
    if (!(hash & strictMask)) return at + 8 - start
    at += 8
  }
  for (; at < middle; at++) {
    hash = (hash << 1) + gear(load<u8>(at))
    if (!(hash & strictMask)) return at + 1 - start
  }
  while (at + 8 <= stop) {
    const bytes = load<u64>(at)
    hash = (hash << 1) + gear(bytes & 255)
    if (!(hash & looseMask)) return at + 1 - start
    hash = (hash << 1) + gear((bytes >> 8) & 255)
    if (!(hash & looseMask)) return at + 2 - start
    hash = (hash << 1) + gear((bytes >> 16) & 255)
    if (!(hash & looseMask)) return at + 3 - start
    hash = (hash << 1) + gear((bytes >> 24) & 255)
    if (!(hash & looseMask)) return at + 4 - start
    hash = (hash << 1) + gear((bytes >> 32) & 255)
    if (!(hash & looseMask)) return at + 5 - start
    hash = (hash << 1) + gear((bytes >> 40) & 255)
    if (!(hash & looseMask)) return at + 6 - start
    hash = (hash << 1) + gear((bytes >> 48) & 255)
    if (!(hash & looseMask)) return at + 7 - start
    hash = (hash << 1) + gear(bytes >> 56)
    if (!(hash & looseMask)) return at + 8 - start
    at += 8
  }
  for (; at < stop; at++) {
    hash = (hash << 1) + gear(load<u8>(at))
    if (!(hash & looseMask)) return at + 1 - start
  }
  return stop - start
}

function gear(byte: u64): u64 {
  return load<u64>(gearTable + ((byte as usize) << 3))
}
