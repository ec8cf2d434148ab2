import { type Policy, type SourceKind } from '../policy/policy.ts'

/** Databases come first, since applications need them to start; documents follow. */
const kindsInOrder = ['postgresql', 'sqlite', 'files'] as const satisfies readonly SourceKind[]

/** The sources of a policy in the order in which they are recovered after the loss of everything; those of a kind in the policy's. */
export function recoveryOrder({ sources }: Pick<Policy, 'sources'>): string[] {
  return kindsInOrder.flatMap((kind) => Object.keys(sources).filter((name) => sources[name]!.kind === kind))
}
