import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import os from 'node:os'
import { type ByteName, decodeName } from './base/byte-name.ts'
import { systemClock } from './base/clock.ts'
import { Failure } from './base/failure.ts'
import { isProcessAlive } from './base/process-alive.ts'
import { runCommandLine } from './cli/cli.ts'
import { stdoutFailure } from './cli/output/stdout-failure.ts'
import { programVersion } from './cli/program-version.ts'
import type { World } from './cli/world.ts'
import type { StorageAdapter } from './storage/storage-adapter.ts'

/**
 * The program: names every adapter, and hands the machine (words, environment, clock, chance, signals) to the
 * command line. No logic but that.
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

/** Read when a repository is opened, since most of the time of a short command is the start of the program. */
const local: StorageAdapter = {
  open: async (place) => (await import('./storage/local/local-storage.ts')).localStorage(place),
  create: async (place, signal) => {
    const { createLocalFolder } = await import('./storage/local/local-folder.ts')
    await createLocalFolder(place, signal)
    return local.open(place, signal)
  },
}

const world: World = {
  words: commandWords(),
  environment: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  clock: systemClock,
  random: (bytes) => randomBytes(bytes),
  signal: stop.signal,
  hostname: os.hostname(),
  workingDirectory: process.cwd(),
  username: userName(),
  userId: process.getuid?.() ?? 0,
  groupId: process.getgid?.() ?? 0,
  processId: process.pid,
  isProcessAlive,
  storages: { local },
  openCatalog: async (path) => {
    const { openSqliteCatalog } = await import('./catalog/sqlite/sqlite-catalog.ts')
    return await openSqliteCatalog(path, { actor: `${userName()}@${os.hostname()}` })
  },
  version: programVersion,
}

process.exit(await runCommandLine(world))

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

/** The name of the user; the user's number where the machine has no name for it. */
function userName(): string {
  try {
    return os.userInfo().username
  } catch {
    // Containers run under numbers without an entry in /etc/passwd.
    return String(process.getuid?.() ?? '')
  }
}
