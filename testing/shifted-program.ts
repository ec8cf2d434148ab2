/**
 * The program at another time: a process of its own whose clock is some milliseconds ahead.
 *
 *   shifted-program.ts MILLISECONDS WORDS…
 */
import { hostname } from 'node:os'
import { runCommandLine } from '../src/cli/cli.ts'
import { isProcessAlive } from '../src/base/process-alive.ts'
import { fakeWorld } from './fake-world.ts'
import { shiftedClock } from './shifted-clock.ts'

const [shiftMs, ...words] = process.argv.slice(2)
const stop = new AbortController()
process.on('SIGTERM', () => stop.abort())
process.exit(
  await runCommandLine(
    fakeWorld({
      words,
      stdout: process.stdout,
      stderr: process.stderr,
      clock: shiftedClock(Number(shiftMs)),
      signal: stop.signal,
      hostname: hostname(),
      userId: process.getuid!(),
      groupId: process.getgid!(),
      isProcessAlive,
    }),
  ),
)
