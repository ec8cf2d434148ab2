/**
 * A process of its own for the tests of durable runs: starts the run "due-1" in a folder, whose two steps each write a
 * line, and works until nothing is left. At one moment it sends itself a signal. It says in FOLDER/log what it does.
 *
 *   durable-worker.ts FOLDER [SIGNAL MOMENT]     where MOMENT is what passing() is called with below
 */
import { appendFileSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { neverStopped } from '../src/base/abort.ts'
import { systemClock } from '../src/base/clock.ts'
import { openOpenworkflowRuns } from '../src/control/openworkflow/openworkflow-runs.ts'

const [folder, signalName, fatalMoment] = process.argv.slice(2)

function passing(moment: string): void {
  if (moment !== fatalMoment || existsSync(join(folder!, 'was-hit'))) return
  writeFileSync(join(folder!, 'was-hit'), '')
  process.kill(process.pid, signalName)
  // A signal that does not end the process takes a moment to arrive.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50)
}

passing('before opening')
await using runs = await openOpenworkflowRuns(folder!, systemClock)
passing('before the start')
const answer = await runs.start({ key: 'due-1', procedure: 'write', input: ['a', 'b'] })
appendFileSync(join(folder!, 'log'), `start: ${answer}\n`)
passing('after the start')
for (;;) {
  const end = await runs.workOne(
    {
      write: async (names, step) => {
        passing('before a')
        for (const name of names as string[]) {
          await step(name, async () => {
            passing(`in ${name}, before its effect`)
            appendFileSync(join(folder!, 'log'), `effect ${name}\n`)
            passing(`in ${name}, after its effect`)
            return name
          })
          passing(`after ${name}`)
        }
        return 'written'
      },
    },
    neverStopped(),
  )
  if (end === undefined) break
  appendFileSync(join(folder!, 'log'), `end: ${end.state}\n`)
  passing('after the end')
}
