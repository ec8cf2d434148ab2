import { Failure } from '../base/failure.ts'
import type { RandomBytes } from '../base/random.ts'

/**
 * The polynomial over GF(2) that a repository's config gives to restic's own chunker, one bit a coefficient.
 * Our chunker does not use it, but restic refuses a config whose polynomial is not irreducible, and its
 * fingerprints need the degree to be 53.
 */
const degree = 53

/** About one polynomial in 53 of this degree is irreducible (half of those tried here are odd, so one in 27). */
const trialsMax = 10_000

/** A random irreducible polynomial of degree 53. */
export function randomChunkerPolynomial(random: RandomBytes): bigint {
  for (let trial = 0; trial < trialsMax; trial++) {
    const bits = Buffer.from(random(8)).readBigUInt64LE()
    // The top coefficient makes the degree, the lowest keeps x from being a factor.
    const candidate = (bits & ((1n << BigInt(degree)) - 1n)) | (1n << BigInt(degree)) | 1n
    if (isIrreducible(candidate)) return candidate
  }
  throw new Failure('defect', `Cannot find an irreducible polynomial in ${trialsMax} trials`)
}

/**
 * Rabin's test: f of degree n is irreducible exactly when it divides x^(2^n) - x, and shares no factor with
 * x^(2^(n/p)) - x for each prime p that divides n.
 */
export function isIrreducible(polynomial: bigint): boolean {
  const n = degreeOf(polynomial)
  if (n < 1) return false
  let power = remainder(2n, polynomial) // x^(2^0)
  const proper = new Set(primeFactors(n).map((prime) => n / prime))
  for (let exponent = 1; exponent <= n; exponent++) {
    power = remainder(square(power), polynomial)
    if (proper.has(exponent) && degreeOf(commonDivisor(polynomial, power ^ 2n)) > 0) return false
  }
  return power === remainder(2n, polynomial)
}

function degreeOf(polynomial: bigint): number {
  return polynomial === 0n ? -1 : polynomial.toString(2).length - 1
}

/** Over GF(2) a square has the same coefficients, spread to twice the exponents. */
function square(polynomial: bigint): bigint {
  return BigInt(`0b${polynomial.toString(2).split('').join('0')}`)
}

function remainder(dividend: bigint, divisor: bigint): bigint {
  const n = degreeOf(divisor)
  for (let d = degreeOf(dividend); d >= n; d = degreeOf(dividend)) dividend ^= divisor << BigInt(d - n)
  return dividend
}

function commonDivisor(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, remainder(a, b)]
  return a
}

function primeFactors(number: number): number[] {
  const factors: number[] = []
  for (let prime = 2; number > 1; prime++) {
    if (number % prime !== 0) continue
    factors.push(prime)
    while (number % prime === 0) number /= prime
  }
  return factors
}
