/**
 * A time of a repository (RFC 3339) for people, to the second and in the zone of this machine, as restic writes it:
 * "2026-11-23 08:30:00". What is no time stays as it is.
 */
export function formatTime(time: string): string {
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) return time
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}

function two(value: number): string {
  return value.toString().padStart(2, '0')
}
