const dayMs = 86_400_000

/** Backups of this long tell how a source grows. */
const lookBackMs = 90 * dayMs
/** Less than this, or fewer than three, tell nothing. */
const spanMinMs = 6.5 * dayMs
const backupsMin = 3

/**
 * How fast a source grows, bytes a day, by least squares through the sizes of its complete backups of the last ninety days:
 * below nothing where it shrinks. Undefined where there are fewer than three, or less than a week of them.
 */
export function growthOf(
  backups: readonly { readonly takenAt: Date; readonly bytes: number }[],
  now: Date,
): number | undefined {
  const lately = backups.filter(({ takenAt }) => takenAt <= now && now.getTime() - takenAt.getTime() <= lookBackMs)
  const days = lately.map(({ takenAt }) => takenAt.getTime() / dayMs)
  if (lately.length < backupsMin || (Math.max(...days) - Math.min(...days)) * dayMs < spanMinMs) return undefined
  const meanDay = days.reduce((sum, day) => sum + day, 0) / days.length
  const meanBytes = lately.reduce((sum, { bytes }) => sum + bytes, 0) / lately.length
  let covariance = 0
  let variance = 0
  for (const [at, { bytes }] of lately.entries()) {
    covariance += (days[at]! - meanDay) * (bytes - meanBytes)
    variance += (days[at]! - meanDay) ** 2
  }
  return covariance / variance
}
