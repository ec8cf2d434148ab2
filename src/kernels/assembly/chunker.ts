/**
 * Content-defined chunking with a keyed gear hash in two steps. src/kernels/reference/chunker-reference.ts says the
 * same without speed.
 *
 * First step, 16 places at once: four(p) is the gear hash of the 4 bytes that end at place p, modulo 256: gear of the
 * last + 2 gear of the one before + 4 … + 8 …; it is built by doubling, of 1 byte, 2, 4. A place is a candidate where
 * four(p) + 16 four(p - 4) is 0 modulo 256 and the half of four(p - 4) that this does not count is 0 too: one place
 * in 4096. Second step, for candidates only: a keyed hash of the last 32 bytes must be zero under a mask.
 *
 * FastCDC's two ideas are used: nothing is looked at before the minimum, and the mask is stricter before the target
 * than behind it, which narrows the spread of sizes.
 */

const bytesMin: usize = 512 * 1024
const bytesTarget: usize = 1024 * 1024
const bytesMax: usize = 8 * 1024 * 1024

/** With the first step's 12 bits: one place in 2^22, and in 2^18. */
const strictMask: u64 = 0xffc0000000000000
const looseMask: u64 = 0xfc00000000000000

/** 16 bytes: gear's addend by a byte's low half; 16 by its high half; five odd factors of 64 bits. */
const key: usize = memory.data(32 + 5 * 8, 64)

/**
 * Constants of the first step, 16 bytes each: 0x0f, 0xfc, 0xf0, 0. They are read from memory because the engine would
 * otherwise build each anew wherever it is used, which takes a third of the time.
 */
const constants: usize = memory.data(64, 64)

/** Answer of scan() where no place is a cut. */
const none: usize = 0

/** To be called once, before cut(). */
export function setConstants(): void {
  v128.store(constants, i8x16.splat(0x0f))
  v128.store(constants, i8x16.splat(-4), 16)
  v128.store(constants, i8x16.splat(-16), 32)
}

export function gearKeyAt(): usize {
  return key
}

/** Length of the first chunk of [start, end), or 0 where more bytes must be seen first. */
export function cut(start: usize, end: usize, atEnd: bool): usize {
  const length = end - start
  if (length < bytesMax && !atEnd) return 0
  if (length <= bytesMin) return length
  const stop = start + min(length, bytesMax)
  const middle = min(start + bytesTarget, stop)
  let found = scan(start + bytesMin, middle, strictMask)
  if (found == none) found = scan(middle, stop, looseMask)
  return (found == none ? stop : found) - start
}

/** Address behind the first place of [at, stop) that is a cut. 32 bytes before `at` are read too. */
function scan(at: usize, stop: usize, mask: u64): usize {
  const low = v128.load(key)
  const high = v128.load(key, 16)
  const half = v128.load(constants)
  const shifted2 = v128.load(constants, 16)
  const shifted4 = v128.load(constants, 32)
  const zero = v128.load(constants, 48)

  // The 16 bytes before `at` only fill the window.
  let gear = gearOf(v128.load(at - 16), low, high, half)
  let pair = pairOf(zero, gear)
  let four = fourOf(zero, pair, shifted2)
  while (at + 32 <= stop) {
    const gearA = gearOf(v128.load(at), low, high, half)
    const pairA = pairOf(gear, gearA)
    const fourA = fourOf(pair, pairA, shifted2)
    const hitsA = i8x16.eq(candidatesOf(four, fourA, shifted4), zero)
    gear = gearOf(v128.load(at, 16), low, high, half)
    pair = pairOf(gearA, gear)
    four = fourOf(pairA, pair, shifted2)
    const hitsB = i8x16.eq(candidatesOf(fourA, four, shifted4), zero)
    if (v128.any_true(v128.or(hitsA, hitsB))) {
      let hits: u32 = i8x16.bitmask(hitsA) | (i8x16.bitmask(hitsB) << 16)
      do {
        const place = at + ctz(hits)
        if (!(hash(place) & mask)) return place + 1
        hits &= hits - 1
      } while (hits)
    }
    at += 32
  }
  for (; at < stop; at++) if (isCandidate(at) && !(hash(at) & mask)) return at + 1
  return none
}

function gearOf(bytes: v128, low: v128, high: v128, half: v128): v128 {
  const lowHalf = v128.and(bytes, half)
  const highHalf = v128.and(i16x8.shr_u(bytes, 4), half)
  return i8x16.add(i8x16.relaxed_swizzle(low, lowHalf), i8x16.relaxed_swizzle(high, highHalf))
}

/** Lane i: gear[i] + 2 gear[i - 1]. */
function pairOf(before: v128, gear: v128): v128 {
  const moved = i8x16.shuffle(before, gear, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30)
  return i8x16.add(gear, i8x16.add(moved, moved))
}

/** Lane i: pair[i] + 4 pair[i - 2]. */
function fourOf(before: v128, pair: v128, shifted2: v128): v128 {
  const moved = i8x16.shuffle(before, pair, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29)
  return i8x16.add(pair, v128.and(i16x8.shl(moved, 2), shifted2))
}

/** Lane i is zero where the place is a candidate. */
function candidatesOf(before: v128, four: v128, shifted4: v128): v128 {
  const moved = i8x16.shuffle(before, four, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27)
  const eight = i8x16.add(four, v128.and(i16x8.shl(moved, 4), shifted4))
  return v128.or(eight, v128.and(moved, shifted4))
}

/** The first step for one place. */
function isCandidate(place: usize): bool {
  const before = fourAt(place - 4)
  return !(((fourAt(place) + (before << 4)) & 0xff) | (before & 0xf0))
}

function fourAt(place: usize): u32 {
  let sum: u32 = 0
  for (let back: usize = 0; back < 4; back++) {
    const byte: u32 = load<u8>(place - back)
    sum += (<u32>load<u8>(key + (byte & 15)) + <u32>load<u8>(key + (byte >> 4), 16)) << (<u32>back)
  }
  return sum
}

/** The second step's hash of the 32 bytes that end with `place`; its high bits are the good ones. */
function hash(place: usize): u64 {
  const first = load<u64>(place - 31) * load<u64>(key, 32) + load<u64>(place - 23) * load<u64>(key, 40)
  const last = load<u64>(place - 15) * load<u64>(key, 48) + load<u64>(place - 7) * load<u64>(key, 56)
  const sum = first + last
  return (sum ^ (sum >> 32)) * load<u64>(key, 64)
}
