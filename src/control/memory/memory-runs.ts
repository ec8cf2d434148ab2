import { throwIfStopped } from '../../base/abort.ts'
import { Failure } from '../../base/failure.ts'
import type { DurableEnd, DurableRun, DurableRuns } from '../durable-runs.ts'
import { requireProcedure } from '../require-procedure.ts'
import { rememberedSteps, type StepMemory } from '../run-steps.ts'

/** Durable runs that last as long as this object: for tests, and for work that nobody would take up again. */
export function memoryRuns(): DurableRuns {
  const known = new Set<string>()
  const waiting: { readonly run: DurableRun; readonly steps: Map<string, string> }[] = []
  return {
    start: async ({ key, procedure, input }) => {
      if (known.has(key)) return 'known'
      known.add(key)
      waiting.push({ run: { key, procedure, input: structuredClone(input) }, steps: new Map() })
      return 'started'
    },
    workOne: async (procedures, signal): Promise<DurableEnd | undefined> => {
      throwIfStopped(signal)
      const [next] = waiting
      if (next === undefined) return undefined
      const { run, steps } = next
      const memory: StepMemory = {
        recall: (name) => steps.get(name),
        begin: async () => {},
        end: async (name, result) => {
          steps.set(name, result)
        },
      }
      try {
        const work = requireProcedure(procedures, run)
        const result = await work(structuredClone(run.input), rememberedSteps(memory, signal), signal)
        waiting.shift()
        return { ...run, state: 'done', result }
      } catch (error) {
        if (signal.aborted)
          throw new Failure('stopped', `The run "${run.key}" was stopped; it goes on later`, { cause: error })
        waiting.shift()
        return { ...run, state: 'failed', error }
      }
    },
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  }
}
