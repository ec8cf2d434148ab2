import { InvalidArgumentError } from 'commander'

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds from a duration such as "90s", "5m" or "1h30m". */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)]
  if (text === '0') return 0
  if (parts.length === 0 || parts.map((part) => part[0]).join('') !== text) {
    throw new InvalidArgumentError('Expected a duration such as 90s, 5m or 1h30m.')
  }
  return Math.round(parts.reduce((sum, part) => sum + Number(part[1]) * unitMs[part[2]!]!, 0))
}
