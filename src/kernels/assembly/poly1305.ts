/**
 * Poly1305 (RFC 8439, section 2.5; for restic the original of 2005, whose pad is AES_k(nonce)): the message as a
 * polynomial in r modulo 2^130 - 5. Numbers are five limbs of 26 bits, so that products and their sums fit 64.
 */

/** 16 bytes of r as they came; setMacKey() reads them. */
const key: usize = memory.data(16, 16)
/** 16 bytes that are added at the end. */
const pad: usize = memory.data(16, 16)
/** 16 bytes for a tag that is only compared. */
const tag: usize = memory.data(16, 16)

const limbMask: u64 = 0x3ffffff

let r0: u64 = 0
let r1: u64 = 0
let r2: u64 = 0
let r3: u64 = 0
let r4: u64 = 0

/** The square of r: two blocks a turn need one reduction only, (h + block) r^2 + next r. */
let q0: u64 = 0
let q1: u64 = 0
let q2: u64 = 0
let q3: u64 = 0
let q4: u64 = 0

export function macKeyAt(): usize {
  return key
}

export function macPadAt(): usize {
  return pad
}

export function macTagAt(): usize {
  return tag
}

/** Takes r from macKeyAt(), clears the bits that Poly1305 wants clear. */
export function setMacKey(): void {
  const low = load<u64>(key) & 0x0ffffffc0fffffff
  const high = load<u64>(key, 8) & 0x0ffffffc0ffffffc
  r0 = low & limbMask
  r1 = (low >> 26) & limbMask
  r2 = ((low >> 52) | (high << 12)) & limbMask
  r3 = (high >> 14) & limbMask
  r4 = high >> 40
  const s1 = r1 * 5
  const s2 = r2 * 5
  const s3 = r3 * 5
  const s4 = r4 * 5
  const d0 = r0 * r0 + r1 * s4 + r2 * s3 + r3 * s2 + r4 * s1
  const d1 = r0 * r1 + r1 * r0 + r2 * s4 + r3 * s3 + r4 * s2 + (d0 >> 26)
  const d2 = r0 * r2 + r1 * r1 + r2 * r0 + r3 * s4 + r4 * s3 + (d1 >> 26)
  const d3 = r0 * r3 + r1 * r2 + r2 * r1 + r3 * r0 + r4 * s4 + (d2 >> 26)
  const d4 = r0 * r4 + r1 * r3 + r2 * r2 + r3 * r1 + r4 * r0 + (d3 >> 26)
  const f0 = (d0 & limbMask) + (d4 >> 26) * 5
  q0 = f0 & limbMask
  q1 = (d1 & limbMask) + (f0 >> 26)
  q2 = d2 & limbMask
  q3 = d3 & limbMask
  q4 = d4 & limbMask
}

/** Writes the tag of [start, end), 16 bytes, to tagAt. */
export function mac(start: usize, end: usize, tagAt: usize): void {
  const s1 = r1 * 5
  const s2 = r2 * 5
  const s3 = r3 * 5
  const s4 = r4 * 5
  let h0: u64 = 0
  let h1: u64 = 0
  let h2: u64 = 0
  let h3: u64 = 0
  let h4: u64 = 0
  let at = start
  const t1 = q1 * 5
  const t2 = q2 * 5
  const t3 = q3 * 5
  const t4 = q4 * 5
  while (at + 32 <= end) {
    const low = load<u64>(at)
    const high = load<u64>(at, 8)
    h0 += low & limbMask
    h1 += (low >> 26) & limbMask
    h2 += ((low >> 52) | (high << 12)) & limbMask
    h3 += (high >> 14) & limbMask
    h4 += (high >> 40) | (1 << 24)
    const nextLow = load<u64>(at, 16)
    const nextHigh = load<u64>(at, 24)
    const n0 = nextLow & limbMask
    const n1 = (nextLow >> 26) & limbMask
    const n2 = ((nextLow >> 52) | (nextHigh << 12)) & limbMask
    const n3 = (nextHigh >> 14) & limbMask
    const n4 = (nextHigh >> 40) | (1 << 24)
    const a0 = h0 * q0 + h1 * t4 + h2 * t3 + h3 * t2 + h4 * t1
    const a1 = h0 * q1 + h1 * q0 + h2 * t4 + h3 * t3 + h4 * t2
    const a2 = h0 * q2 + h1 * q1 + h2 * q0 + h3 * t4 + h4 * t3
    const a3 = h0 * q3 + h1 * q2 + h2 * q1 + h3 * q0 + h4 * t4
    const a4 = h0 * q4 + h1 * q3 + h2 * q2 + h3 * q1 + h4 * q0
    const d0 = a0 + n0 * r0 + n1 * s4 + n2 * s3 + n3 * s2 + n4 * s1
    const d1 = a1 + n0 * r1 + n1 * r0 + n2 * s4 + n3 * s3 + n4 * s2
    const d2 = a2 + n0 * r2 + n1 * r1 + n2 * r0 + n3 * s4 + n4 * s3
    const d3 = a3 + n0 * r3 + n1 * r2 + n2 * r1 + n3 * r0 + n4 * s4
    const d4 = a4 + n0 * r4 + n1 * r3 + n2 * r2 + n3 * r1 + n4 * r0
    // Two carries run at once, from limb 0 and from limb 3.
    const e1 = d1 + (d0 >> 26)
    const e4 = d4 + (d3 >> 26)
    const e2 = d2 + (e1 >> 26)
    const f0 = (d0 & limbMask) + (e4 >> 26) * 5
    const f3 = (d3 & limbMask) + (e2 >> 26)
    h0 = f0 & limbMask
    h1 = (e1 & limbMask) + (f0 >> 26)
    h2 = e2 & limbMask
    h3 = f3 & limbMask
    h4 = (e4 & limbMask) + (f3 >> 26)
    at += 32
  }
  while (at < end) {
    let low: u64
    let high: u64
    let top: u64 = 1 << 24
    if (at + 16 <= end) {
      low = load<u64>(at)
      high = load<u64>(at, 8)
    } else {
      // The last block is short: a one behind its last byte, then zeros.
      low = 0
      high = 0
      top = 0
      const rest = end - at
      for (let i: usize = 0; i <= rest; i++) {
        const byte: u64 = i < rest ? load<u8>(at + i) : 1
        if (i < 8) low |= byte << (<u64>i * 8)
        else high |= byte << ((<u64>i - 8) * 8)
      }
    }
    h0 += low & limbMask
    h1 += (low >> 26) & limbMask
    h2 += ((low >> 52) | (high << 12)) & limbMask
    h3 += (high >> 14) & limbMask
    h4 += (high >> 40) | top
    const d0 = h0 * r0 + h1 * s4 + h2 * s3 + h3 * s2 + h4 * s1
    const d1 = h0 * r1 + h1 * r0 + h2 * s4 + h3 * s3 + h4 * s2
    const d2 = h0 * r2 + h1 * r1 + h2 * r0 + h3 * s4 + h4 * s3
    const d3 = h0 * r3 + h1 * r2 + h2 * r1 + h3 * r0 + h4 * s4
    const d4 = h0 * r4 + h1 * r3 + h2 * r2 + h3 * r1 + h4 * r0
    const e1 = d1 + (d0 >> 26)
    const e2 = d2 + (e1 >> 26)
    const e3 = d3 + (e2 >> 26)
    const e4 = d4 + (e3 >> 26)
    const f0 = (d0 & limbMask) + (e4 >> 26) * 5
    h0 = f0 & limbMask
    h1 = (e1 & limbMask) + (f0 >> 26)
    h2 = e2 & limbMask
    h3 = e3 & limbMask
    h4 = e4 & limbMask
    at += 16
  }
  finish(h0, h1, h2, h3, h4, tagAt)
}

/** Reduces h fully, adds the pad, stores the tag. */
function finish(h0: u64, h1: u64, h2: u64, h3: u64, h4: u64, tagAt: usize): void {
  h2 += h1 >> 26
  h1 &= limbMask
  h3 += h2 >> 26
  h2 &= limbMask
  h4 += h3 >> 26
  h3 &= limbMask
  h0 += (h4 >> 26) * 5
  h4 &= limbMask
  h1 += h0 >> 26
  h0 &= limbMask
  h2 += h1 >> 26
  h1 &= limbMask
  h3 += h2 >> 26
  h2 &= limbMask
  h4 += h3 >> 26
  h3 &= limbMask

  // g = h + 5 - 2^130; where that is not negative it is the remainder. Chosen without a branch.
  let g0 = h0 + 5
  let g1 = h1 + (g0 >> 26)
  let g2 = h2 + (g1 >> 26)
  let g3 = h3 + (g2 >> 26)
  const g4 = h4 + (g3 >> 26) - (1 << 26)
  const take = (g4 >> 63) - 1
  g0 &= limbMask
  g1 &= limbMask
  g2 &= limbMask
  g3 &= limbMask
  h0 = (h0 & ~take) | (g0 & take)
  h1 = (h1 & ~take) | (g1 & take)
  h2 = (h2 & ~take) | (g2 & take)
  h3 = (h3 & ~take) | (g3 & take)
  h4 = (h4 & ~take) | (g4 & take)

  const low = h0 | (h1 << 26) | (h2 << 52)
  const high = (h2 >> 12) | (h3 << 14) | (h4 << 40)
  const sum = low + load<u64>(pad)
  store<u64>(tagAt, sum)
  store<u64>(tagAt, high + load<u64>(pad, 8) + u64(sum < low), 8)
}
