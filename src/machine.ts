import { randomBytes } from 'node:crypto'
import os from 'node:os'
import { systemClock } from './base/clock.ts'
import { isProcessAlive } from './base/process-alive.ts'
import { programVersion } from './cli/program-version.ts'
import type { World } from './cli/world.ts'
import { RestingThreads } from './kernels/resting-threads.ts'
import type { StorageAdapter } from './storage/storage-adapter.ts'

/** Read when a repository is opened, since most of the time of a short command is the start of the program. */
const local: StorageAdapter = {
  open: async (place) => (await import('./storage/local/local-storage.ts')).localStorage(place),
  create: async (place, signal) => {
    const { createLocalFolder } = await import('./storage/local/local-folder.ts')
    await createLocalFolder(place, signal)
    return local.open(place, signal)
  },
}

/** A next backup within a minute finds threads that are started. */
const threadsRestMs = 60_000

/** This machine, with every adapter by name, as the program and the library find it. No logic but that. */
export function thisMachine(): Omit<World, 'words' | 'signal'> {
  return {
    environment: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    clock: systemClock,
    random: (bytes) => randomBytes(bytes),
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
    openRuns: async (folder) => {
      const { openOpenworkflowRuns } = await import('./control/openworkflow/openworkflow-runs.ts')
      return await openOpenworkflowRuns(folder, systemClock)
    },
    threads: new RestingThreads(threadsRestMs),
    version: programVersion,
  }
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
