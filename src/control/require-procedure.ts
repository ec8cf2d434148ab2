import { Failure } from '../base/failure.ts'
import type { DurableProcedure, DurableRun } from './durable-runs.ts'

/** The procedure of a run. Failure `unsupported` where this program has none of its name: a newer one started the run. */
export function requireProcedure(
  procedures: Readonly<Record<string, DurableProcedure>>,
  { key, procedure }: Pick<DurableRun, 'key' | 'procedure'>,
): DurableProcedure {
  if (Object.hasOwn(procedures, procedure)) return procedures[procedure]!
  throw new Failure('unsupported', `Cannot work on the run "${key}": this program has no procedure "${procedure}"`, {
    facts: { hint: 'Another version of the program began it; use that one, or wait for the next due time' },
  })
}
