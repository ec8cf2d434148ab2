import { throwIfStopped } from '../base/abort.ts'
import { Failure } from '../base/failure.ts'
import type { StepRunner } from '../procedures/step-runner.ts'

/** Where the results of steps are kept, as JSON text. */
export interface StepMemory {
  /** What the step answered when it ended; undefined where it has not. */
  recall(name: string): string | undefined
  begin(name: string): Promise<void>
  /** Durable when it resolves. */
  end(name: string, result: string): Promise<void>
}

/** Runs each step that is not in memory. The result that a procedure sees has been through JSON, the first time as well. */
export function rememberedSteps(memory: StepMemory, signal: AbortSignal): StepRunner {
  const names = new Set<string>()
  return async <Result>(name: string, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> => {
    if (names.has(name)) throw new Failure('defect', `Cannot run the step "${name}": a step of this name ran before`)
    names.add(name)
    const known = memory.recall(name)
    if (known !== undefined) return unpacked(known) as Result
    throwIfStopped(signal)
    await memory.begin(name)
    // In an object, since JSON has no undefined of its own.
    const result = JSON.stringify({ value: await work(signal) })
    await memory.end(name, result)
    return unpacked(result) as Result
  }
}

function unpacked(text: string): unknown {
  return (JSON.parse(text) as { readonly value?: unknown }).value
}
