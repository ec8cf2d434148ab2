import type { DataSize } from './time-fit.ts'

const dayMs = 86_400_000

/** Backups of this long tell how a source grows. */
const lookBackMs = 90 * dayMs
/** Less than this, or fewer than three, tell nothing. */
const spanMinMs = 6.5 * dayMs
const backupsMin = 3

/**
 * How fast a source grows, bytes and files a day, by least squares through the sizes of its complete backups of the last ninety
 * days: below nothing where it shrinks. Undefined where there are fewer than three, or less than a week of them.
 */
export function growthOf(backups: readonly ({ readonly takenAt: Date } & DataSize)[], now: Date): DataSize | undefined {
  const lately = backups.filter(({ takenAt }) => takenAt <= now && now.getTime() - takenAt.getTime() <= lookBackMs)
  const days = lately.map(({ takenAt }) => takenAt.getTime() / dayMs)
  if (lately.length < backupsMin || (Math.max(...days) - Math.min(...days)) * dayMs < spanMinMs) return undefined
  const of = (amount: keyof DataSize): number =>
    slope(
      days,
      lately.map((one) => one[amount]),
    )
  return { bytes: of('bytes'), files: of('files') }
}

function slope(days: readonly number[], amounts: readonly number[]): number {
  const meanDay = days.reduce((sum, day) => sum + day, 0) / days.length
  const meanAmount = amounts.reduce((sum, amount) => sum + amount, 0) / amounts.length
  let covariance = 0
  let variance = 0
  for (const [at, amount] of amounts.entries()) {
    covariance += (days[at]! - meanDay) * (amount - meanAmount)
    variance += (days[at]! - meanDay) ** 2
  }
  return covariance / variance
}
