import type { Environment } from '../model/policy/policy.ts'

/** Which generation is meant: they are counted from 1 in each environment. */
export interface GenerationName {
  readonly environment: Environment
  readonly generation: number
}

/**
 * One life of an environment's data key. New backups are sealed with the `active` one, of which each environment has
 * one; backups of a `retired` one can be restored; of a `destroyed` one nothing can be opened ever again, and only its
 * entry is left.
 */
export type Generation = GenerationName & {
  readonly createdAt: Date
  /** Counts the changes of its entry. */
  readonly version: number
} & (
    | { readonly state: 'active'; readonly keyEncryptionKeyVersion: number }
    | { readonly state: 'retired'; readonly retiredAt: Date; readonly keyEncryptionKeyVersion: number }
    | { readonly state: 'destroyed'; readonly retiredAt: Date; readonly destroyedAt: Date }
  )

export function isSameGeneration(a: GenerationName, b: GenerationName): boolean {
  return a.environment === b.environment && a.generation === b.generation
}

/** "production generation 2", for messages. */
export function describeGeneration({ environment, generation }: GenerationName): string {
  return `${environment} generation ${generation}`
}
