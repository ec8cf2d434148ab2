import { InvalidArgumentError } from 'commander'
import { workersMax } from '../../base/worker-count.ts'

/** A whole number from zero on. */
export function parseCount(text: string): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value
  throw new InvalidArgumentError('Expected a whole number, zero or more.')
}

/** A whole number from one on. */
export function parsePositiveCount(text: string): number {
  const value = parseCount(text)
  if (value > 0) return value
  throw new InvalidArgumentError('Expected a whole number, one or more.')
}

/** A number of threads. */
export function parseWorkers(text: string): number {
  const value = parsePositiveCount(text)
  if (value <= workersMax) return value
  throw new InvalidArgumentError(`Expected a whole number, ${workersMax} at most.`)
}
