import { chunkBytesMax, chunkBytesMin, chunkBytesTarget } from '../kernel-memory.ts'

/** The chunker of assembly/chunker.ts in plain words: what it must answer, place by place. */
export class ChunkerReference {
  readonly #lowTable: Uint8Array
  readonly #highTable: Uint8Array
  readonly #factors: BigUint64Array

  /** `expanded` is of expandGearKey(). */
  constructor(expanded: Uint8Array) {
    const numbers = new Uint8Array(expanded)
    this.#lowTable = numbers.slice(0, 16)
    this.#highTable = numbers.slice(16, 32)
    this.#factors = new BigUint64Array(numbers.slice(32).buffer)
  }

  /** Length of the first chunk of `bytes`, 0 where more must be seen first. */
  cut(bytes: Uint8Array, atEnd: boolean): number {
    if (bytes.length < chunkBytesMax && !atEnd) return 0
    const stop = Math.min(bytes.length, chunkBytesMax)
    for (let place = chunkBytesMin; place < stop; place++) {
      const bits = place < chunkBytesTarget ? 10n : 6n
      if (this.isCandidate(bytes, place) && this.#hash(bytes, place) >> (64n - bits) === 0n) return place + 1
    }
    return stop
  }

  /** The first step: whether the second is worth its time at this place. */
  isCandidate(bytes: Uint8Array, place: number): boolean {
    const four = this.#four(bytes, place)
    const before = this.#four(bytes, place - 4)
    return (four + 16 * before) % 256 === 0 && (before % 256) >> 4 === 0
  }

  #four(bytes: Uint8Array, place: number): number {
    const gear = (back: number): number => {
      const byte = bytes[place - back]!
      return this.#lowTable[byte % 16]! + this.#highTable[byte >> 4]!
    }
    return gear(0) + 2 * gear(1) + 4 * gear(2) + 8 * gear(3)
  }

  #hash(bytes: Uint8Array, place: number): bigint {
    const view = new DataView(bytes.buffer, bytes.byteOffset + place - 31, 32)
    let sum = 0n
    for (let word = 0; word < 4; word++) sum += view.getBigUint64(8 * word, true) * this.#factors[word]!
    sum = BigInt.asUintN(64, sum)
    return BigInt.asUintN(64, (sum ^ (sum >> 32n)) * this.#factors[4]!)
  }
}
