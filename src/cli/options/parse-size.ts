import { InvalidArgumentError } from 'commander'

const factors: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 }

/** Bytes from a size such as "500", "16M" or "1.5g" (powers of 1024). */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text.trim())
  const bytes = match === null ? Number.NaN : Math.floor(Number(match[1]) * factors[match[2]!.toLowerCase()]!)
  if (Number.isSafeInteger(bytes)) return bytes
  throw new InvalidArgumentError('Expected a size such as 500K, 16M or 2G.')
}
