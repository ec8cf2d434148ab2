/**
 * The checksum that PostgreSQL keeps in a page (src/include/storage/checksum_impl.h): 32 sums side by side, each a variant
 * of FNV-1a with a start of its own, over the page as words of 32 bits with the checksum's own field as zero; folded,
 * mixed with the block's number, and brought into 1 to 65535.
 */
const starts = Uint32Array.of(
  0x5b1f36e9,
  0xb8525960,
  0x02ab50aa,
  0x1de66d2a,
  0x79ff467a,
  0x9bb9f8a3,
  0x217e7cd2,
  0x83e13d2c,
  0xf8d4474f,
  0xe39eb970,
  0x42c6ae16,
  0x993216fa,
  0x7b093b5d,
  0x98daff3c,
  0xf718902a,
  0x0b1c9cdb,
  0xe58f764b,
  0x187636bc,
  0x5d7b3bb1,
  0xe73de7de,
  0x92bec979,
  0xcca6c0b2,
  0x304a0979,
  0x85aa43d4,
  0x783125bb,
  0x6ca8eaa2,
  0xe407eac6,
  0x4b5cfc3e,
  0x9fbf8c76,
  0x15ca20be,
  0xf2ca9fd3,
  0x959bd756,
)
const sumCount = starts.length
const prime = 16_777_619
const checksumAt = 8
const upperAt = 14
const sums = new Uint32Array(sumCount)

/** What a page says its checksum is; undefined for a page that was never written, which has none. */
export function storedChecksum(page: Buffer): number | undefined {
  return page.readUInt16LE(upperAt) === 0 ? undefined : page.readUInt16LE(checksumAt)
}

/** What it must be. `words` is the page; its field of the checksum is zero while this runs, and then as it was. */
export function pageChecksum(page: Buffer, words: Uint32Array, block: number): number {
  const stored = page.readUInt16LE(checksumAt)
  page.writeUInt16LE(0, checksumAt)
  sums.set(starts)
  for (let at = 0; at < words.length; at += sumCount) {
    for (let index = 0; index < sumCount; index++) sums[index] = mix(sums[index]!, words[at + index]!)
  }
  page.writeUInt16LE(stored, checksumAt)
  let result = 0
  for (let index = 0; index < sumCount; index++) result ^= mix(mix(sums[index]!, 0), 0)
  return (((result ^ block) >>> 0) % 65_535) + 1
}

function mix(sum: number, word: number): number {
  const mixed = sum ^ word
  return Math.imul(mixed, prime) ^ (mixed >>> 17)
}
