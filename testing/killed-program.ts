/**
 * The program, which kills itself by SIGKILL at the step of a durable run: "before" the work of the step, "after" the work and
 * before it is remembered, or "behind" that. Steps are counted from 1, those that are remembered included.
 *
 *   killed-program.ts STEP before|after|behind WORDS…
 */
import { hostname } from 'node:os'
import { isProcessAlive } from '../src/base/process-alive.ts'
import { systemClock } from '../src/base/clock.ts'
import { runCommandLine } from '../src/cli/cli.ts'
import type { DurableRuns } from '../src/control/durable-runs.ts'
import { openOpenworkflowRuns } from '../src/control/openworkflow/openworkflow-runs.ts'
import type { StepRunner } from '../src/procedures/step-runner.ts'
import { fakeWorld } from './fake-world.ts'

const [at, moment, ...words] = process.argv.slice(2)

function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

function killing(step: StepRunner): StepRunner {
  let count = 0
  return async (name, work) => {
    count += 1
    const isIt = count === Number(at)
    const result = await step(name, async (signal) => {
      if (isIt && moment === 'before') die()
      const answer = await work(signal)
      if (isIt && moment === 'after') die()
      return answer
    })
    if (isIt && moment === 'behind') die()
    return result
  }
}

async function openRuns(folder: string): Promise<DurableRuns> {
  const runs = await openOpenworkflowRuns(folder, systemClock)
  return {
    start: (run) => runs.start(run),
    workOne: (procedures, signal) =>
      runs.workOne(
        Object.fromEntries(
          Object.entries(procedures).map(([name, work]) => [
            name,
            (input, step, stop) => work(input, killing(step), stop),
          ]),
        ),
        signal,
      ),
    close: () => runs.close(),
    [Symbol.asyncDispose]: () => runs.close(),
  }
}

process.exit(
  await runCommandLine(
    fakeWorld({
      words,
      environment: process.env,
      stdout: process.stdout,
      stderr: process.stderr,
      hostname: hostname(),
      userId: process.getuid!(),
      groupId: process.getgid!(),
      isProcessAlive,
      openRuns,
    }),
  ),
)
