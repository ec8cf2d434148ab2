/** What a step answers is kept, so it is plain JSON. */
export type StepResult =
  | string
  | number
  | boolean
  | null
  | readonly StepResult[]
  | { readonly [name: string]: StepResult | undefined }

/**
 * Runs the named steps of a procedure one after another. A runner that remembers answers a step that ended before a
 * crash from its memory; the step during which the process died is run again. So each step may run twice, and a
 * procedure does nothing between its steps but decide. Names are unique within a run.
 */
export type StepRunner = <Result>(name: string, work: (signal: AbortSignal) => Promise<Result>) => Promise<Result>

/** Runs each step at once and remembers nothing: for commands that a person waits for. */
export function directSteps(signal: AbortSignal): StepRunner {
  return async (_name, work) => {
    signal.throwIfAborted()
    return await work(signal)
  }
}
