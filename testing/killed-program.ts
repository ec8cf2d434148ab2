/**
 * The program, which kills itself by SIGKILL at the step of a durable run: "before" the work of the step, "after" the work and
 * before it is remembered, "behind" that, or inside: before the work's effect of this number, counted from 1. An effect is
 * a change of the disk, a program that is started, an object that is fetched, or an entry of the catalog. Where the work has fewer, nothing kills it.
 * Steps are counted from 1, those that are remembered included.
 *
 *   killed-program.ts STEP before|after|behind|NUMBER WORDS…
 */
import { isProcessAlive } from '../src/base/process-alive.ts'
import { systemClock } from '../src/base/clock.ts'
import { runCommandLine } from '../src/cli/cli.ts'
import type { DurableRuns } from '../src/control/durable-runs.ts'
import { openOpenworkflowRuns } from '../src/control/openworkflow/openworkflow-runs.ts'
import type { StepRunner } from '../src/procedures/step-runner.ts'
import { fakeWorld } from './fake-world.ts'
import { openSqliteCatalog } from '../src/catalog/sqlite/sqlite-catalog.ts'
import { countingCatalog, countingStorages, countEffects } from './count-effects.ts'

const [at, moment, ...words] = process.argv.slice(2)

let effectsLeft = Number.NaN

function effect(): void {
  effectsLeft -= 1
  if (effectsLeft === 0) die()
}

countEffects(effect)

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
      if (isIt) effectsLeft = Number(moment) // Not a number, and never reached, for the other moments.
      const answer = await work(signal)
      effectsLeft = Number.NaN
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
      userId: process.getuid!(),
      groupId: process.getgid!(),
      isProcessAlive,
      openRuns,
      storages: countingStorages(effect),
      openCatalog: async (path) =>
        countingCatalog(await openSqliteCatalog(path, { actor: 'test-user@test-host' }), effect),
    }),
  ),
)
