const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** A length of time as people say an age, rounded down: "5 days", "26 hours", "3 minutes"; one in the future is "0 minutes". */
export function formatAge(ms: number): string {
  if (ms >= 2 * dayMs) return `${Math.floor(ms / dayMs)} days`
  if (ms >= 2 * hourMs) return `${Math.floor(ms / hourMs)} hours`
  const minutes = Math.max(0, Math.floor(ms / minuteMs))
  return minutes === 1 ? '1 minute' : `${minutes} minutes`
}

/** A length of time that is compared with a target: "3 h 05 min", "12 min", "40 s". */
export function formatSpan(ms: number): string {
  const seconds = Math.round(ms / 1000)
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(ms / minuteMs)
  if (minutes < 120) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}

/** A length of time that is not known exactly: "3 h 05 min (2 h 40 min to 3 h 30 min)". */
export function formatSpanRange(
  ms: number,
  range: { readonly leastMs: number; readonly mostMs: number } | undefined,
): string {
  return range === undefined
    ? formatSpan(ms)
    : `${formatSpan(ms)} (${formatSpan(range.leastMs)} to ${formatSpan(range.mostMs)})`
}

/** "2026-03-01 02:00", UTC. */
export function formatMinute(date: Date): string {
  return date.toISOString().slice(0, 16).replace('T', ' ')
}

/** "2026-03-01", UTC. */
export function formatDay(date: Date): string {
  return date.toISOString().slice(0, 10)
}
