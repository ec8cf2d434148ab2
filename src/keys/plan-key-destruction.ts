import type { Generation, GenerationName } from './generation.ts'
import { isSameGeneration } from './generation.ts'

/** What lies at a location that a generation's key is needed for. */
export type GenerationRemains = GenerationName & {
  /** Name of the location: "primary". */
  readonly location: string
} & (
    | { readonly state: 'counted'; readonly backups: number; readonly walSegments: number }
    /** It could not be looked at, so it may hold anything. */
    | { readonly state: 'unknown'; readonly reason: string }
  )

/** What is to happen to the key of a generation, and why. */
export type KeyDestruction = GenerationName & { readonly action: 'destroy' | 'keep'; readonly reason: string }

/**
 * Which keys may go: those of retired generations of which no backup and no WAL is left at any location, where every one of
 * `locations` was looked at for this very generation. Anything not known keeps the key. One answer a generation;
 * destroyed ones have none.
 */
export function planKeyDestruction(
  generations: readonly Generation[],
  facts: { readonly locations: readonly string[]; readonly remains: readonly GenerationRemains[] },
): KeyDestruction[] {
  return generations
    .filter(({ state }) => state !== 'destroyed')
    .map((one) => {
      const { environment, generation } = one
      const reason = reasonToKeep(one, facts)
      if (reason !== undefined) return { environment, generation, action: 'keep', reason }
      const looked = facts.locations.join(' and ')
      return { environment, generation, action: 'destroy', reason: `retired, and nothing of it is left at ${looked}` }
    })
}

function reasonToKeep(
  generation: Generation,
  { locations, remains }: { readonly locations: readonly string[]; readonly remains: readonly GenerationRemains[] },
): string | undefined {
  if (generation.state === 'active') return 'it is the active one'
  if (locations.length === 0) return 'no location was looked at'
  const ofIt = remains.filter((one) => isSameGeneration(one, generation))
  // A location that the policy does not name any more may still be told of, and counts like the others.
  const reasons = [...new Set([...locations, ...ofIt.map(({ location }) => location)])].flatMap((location) => {
    const found = ofIt.filter((one) => one.location === location)
    if (found.length === 0) return [`nobody looked at ${location}`]
    return found.flatMap((one) => reasonAt(one))
  })
  return reasons.length === 0 ? undefined : reasons.join('; ')
}

function reasonAt(remains: GenerationRemains): string[] {
  const { location } = remains
  if (remains.state === 'unknown') return [`${location} could not be looked at: ${remains.reason}`]
  const left = [
    ...(remains.backups === 0 ? [] : [counted(remains.backups, 'backup')]),
    ...(remains.walSegments === 0 ? [] : [counted(remains.walSegments, 'WAL segment')]),
  ]
  return left.length === 0 ? [] : [`${location} still has ${left.join(' and ')} that only this key opens`]
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
