import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { isIrreducible, randomChunkerPolynomial } from './chunker-polynomial.ts'

/** Trial division by every polynomial of at most half the degree: slow, and plainly right. */
function isIrreducibleSlowly(polynomial: number): boolean {
  const degree = 31 - Math.clz32(polynomial)
  if (degree < 1) return false
  for (let divisor = 2; 31 - Math.clz32(divisor) <= degree / 2; divisor++) {
    let rest = polynomial
    const divisorDegree = 31 - Math.clz32(divisor)
    while (rest !== 0 && 31 - Math.clz32(rest) >= divisorDegree)
      rest ^= divisor << (31 - Math.clz32(rest) - divisorDegree)
    if (rest === 0) return false
  }
  return true
}

test('isIrreducible() agrees with trial division up to degree 12', () => {
  for (let polynomial = 0; polynomial < 2 ** 13; polynomial++) {
    assert.equal(isIrreducible(BigInt(polynomial)), isIrreducibleSlowly(polynomial), polynomial.toString(2))
  }
})

test('isIrreducible() accepts polynomials that restic has made and refuses their neighbours', () => {
  assert.equal(isIrreducible(0x25b468838dcb75n), true)
  assert.equal(isIrreducible(0x3da3358b4dc173n), true)
  assert.equal(isIrreducible(0x25b468838dcb77n), false)
  assert.equal(isIrreducible(0x3da3358b4dc172n), false)
})

test('randomChunkerPolynomial() makes irreducible polynomials of degree 53', () => {
  const made = Array.from({ length: 5 }, () => randomChunkerPolynomial((count) => randomBytes(count)))
  for (const polynomial of made) {
    assert.equal(polynomial.toString(2).length, 54)
    assert.equal(isIrreducible(polynomial), true)
  }
  assert.equal(new Set(made).size, 5)
})
