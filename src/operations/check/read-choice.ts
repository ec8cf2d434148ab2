import { Failure } from '../../base/failure.ts'
import type { RandomBytes } from '../../base/random.ts'
import type { Id } from '../../model/id.ts'

/** Which packs to read from end to end. */
export type ReadChoice =
  | 'none'
  | 'all'
  /** restic's "n/t": those whose first byte divided by `parts` leaves `part` minus one. All parts together are all packs. */
  | { readonly part: number; readonly parts: number }
  /** So many of a hundred, by chance. */
  | { readonly percent: number }
  /** About so many bytes, by chance. */
  | { readonly bytes: number }

/** The most parts that the first byte of an id can tell apart. */
export const readPartsMax = 256

export interface PackSize {
  readonly id: Id
  /** Bytes. */
  readonly size: number
}

/** The part whose turn it is on this day, so that a check a day reads everything in `parts` days. */
export function rotatingPart(parts: number, now: Date): ReadChoice {
  const day = Math.floor(now.getTime() / 86_400_000)
  return { part: 1 + (day % parts), parts }
}

/** The chosen packs, in the order of their ids. Failure `usage` where the choice is none that can be made. */
export function choosePacksToRead<Pack extends PackSize>(
  packs: readonly Pack[],
  choice: ReadChoice,
  random: RandomBytes,
): Pack[] {
  requireValid(choice)
  const sorted = packs.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  if (choice === 'none') return []
  if (choice === 'all') return sorted
  if ('part' in choice)
    return sorted.filter(({ id }) => Number.parseInt(id.slice(0, 2), 16) % choice.parts === choice.part - 1)
  const totalBytes = packs.reduce((sum, { size }) => sum + size, 0)
  const share = 'percent' in choice ? choice.percent / 100 : totalBytes === 0 ? 1 : choice.bytes / totalBytes
  const count = Math.min(sorted.length, Math.max(1, Math.floor(sorted.length * share)))
  const drawn = new Set(drawSome(sorted.length, count, random))
  return sorted.filter((_pack, position) => drawn.has(position))
}

function requireValid(choice: ReadChoice): void {
  if (typeof choice === 'string') return
  const isValid =
    'part' in choice
      ? Number.isInteger(choice.part) &&
        Number.isInteger(choice.parts) &&
        choice.part >= 1 &&
        choice.part <= choice.parts &&
        choice.parts <= readPartsMax
      : 'percent' in choice
        ? choice.percent > 0 && choice.percent <= 100
        : choice.bytes > 0
  if (isValid) return
  throw new Failure('usage', `Cannot read the subset ${JSON.stringify(choice)} of the data`, {
    facts: { hint: `A part is 1/1 to ${readPartsMax}/${readPartsMax}, a percentage above 0 and at most 100` },
  })
}

/** So many different numbers below `end`, by chance: the first steps of a Fisher-Yates shuffle. */
function drawSome(end: number, count: number, random: RandomBytes): number[] {
  const numbers = Array.from({ length: end }, (_, number) => number)
  for (let at = 0; at < count; at++) {
    const draw = Buffer.from(random(6)).readUIntBE(0, 6) / 2 ** 48
    const other = at + Math.floor(draw * (end - at))
    ;[numbers[at], numbers[other]] = [numbers[other]!, numbers[at]!]
  }
  return numbers.slice(0, count)
}
