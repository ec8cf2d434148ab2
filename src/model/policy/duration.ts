import { z } from 'zod'

const unitMs = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: 604_800_000,
} as const

type Unit = keyof typeof unitMs

const shortUnits: Readonly<Record<string, Unit>> = { s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week' }

const form = /^([1-9]\d{0,5}) ?(s|m|h|d|w|seconds?|minutes?|hours?|days?|weeks?)$/

/** Milliseconds of a length of time as people write it in a policy: "4 hours", "24h", "4 weeks". Undefined where it is none. */
export function parseDuration(text: string): number | undefined {
  const [, count, word] = form.exec(text) ?? []
  if (count === undefined || word === undefined) return undefined
  const unit = shortUnits[word] ?? (word.replace(/s$/, '') as Unit)
  return Number(count) * unitMs[unit]
}

/** A length of time in the largest unit that it is a whole number of: "4 weeks", "1 day", "36 hours". */
export function formatDuration(ms: number): string {
  for (const unit of ['week', 'day', 'hour', 'minute'] as const) {
    if (ms >= unitMs[unit] && ms % unitMs[unit] === 0) return counted(ms / unitMs[unit], unit)
  }
  return counted(Math.round(ms / 1000), 'second')
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

const wanted = { error: 'a length of time such as "4 hours", "7 days", "4 weeks"' }

/** A length of time as text in the file and as milliseconds in the model. */
export const durationSchema = z
  .string(wanted)
  .regex(form, wanted)
  .meta({ title: 'length of time' })
  .transform((text) => parseDuration(text)!)
