import { readFileSync } from 'node:fs'
import os from 'node:os'
import { type ByteName, decodeName } from './base/byte-name.ts'
import { Failure } from './base/failure.ts'
import { runCommandLine } from './cli/cli.ts'
import { stdoutFailure } from './cli/output/stdout-failure.ts'
import { thisMachine } from './machine.ts'

/**
 * The program: hands the machine, its words and its signals to the command line. No logic but that.
 */
const stop = new AbortController()

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    // The second signal is from somebody who does not want to wait until the work has ended in order.
    if (stop.signal.aborted) process.exit(128 + os.constants.signals[name])
    stop.abort(new Failure('stopped', `Stopped by ${name} before the work was done`))
  })
}
// restic asks whether the holder of a lock still runs by sending it SIGHUP (`restic unlock`), so that must not end us.
process.on('SIGHUP', () => {})
process.stdout.on('error', (error) => stop.abort(stdoutFailure(error)))
process.stderr.on('error', () => {}) // Nobody is left who could be told.

process.exit(await runCommandLine({ ...thisMachine(), words: commandWords(), signal: stop.signal }))

/**
 * The words after the program's name. Node decodes them as UTF-8 and loses what is not; the kernel still has their
 * bytes, which is what a path is.
 */
function commandWords(): ByteName[] {
  const words = process.argv.slice(2)
  if (!words.some((word) => word.includes('\uFFFD'))) return words
  const bytes = readFileSync('/proc/self/cmdline')
  const all: ByteName[] = []
  for (let start = 0; start < bytes.length; ) {
    const end = bytes.indexOf(0, start)
    all.push(decodeName(bytes.subarray(start, end)))
    start = end + 1
  }
  return all.slice(all.length - words.length)
}
