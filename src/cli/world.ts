import type { ByteName } from '../base/byte-name.ts'
import type { Clock } from '../base/clock.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { DurableRuns } from '../control/durable-runs.ts'
import type { RestingThreads } from '../kernels/resting-threads.ts'
import type { StorageAdapters } from '../storage/storage-adapter.ts'

/**
 * All that the command line takes from the machine it runs on. main.ts makes the real one; tests make their own.
 */
export interface World {
  /** What the user typed after the program's name. */
  readonly words: readonly ByteName[]
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly stdin: InputStream
  readonly stdout: OutputStream
  readonly stderr: OutputStream
  readonly clock: Clock
  /** Unpredictable bytes. */
  readonly random: (bytes: number) => Uint8Array
  /** Aborted by SIGINT, SIGTERM or a reader that went away. */
  readonly signal: AbortSignal
  readonly hostname: string
  /** Where relative paths start from: an absolute path. */
  readonly workingDirectory: ByteName
  readonly username: string
  readonly userId: number
  readonly groupId: number
  readonly processId: number
  /** Says whether a process runs on this machine: whose does not has left its lock behind. */
  readonly isProcessAlive: (processId: number) => boolean
  /** Storage adapters by the word before the colon of a place ("local:/srv/backup"). */
  readonly storages: StorageAdapters
  /** The catalog in a file, made where it is absent. */
  readonly openCatalog: (path: string) => Promise<Catalog>
  /** Opens the due runs of a state folder for this process alone. Failure `refused` where another process works on them. */
  readonly openRuns: (folder: string) => Promise<DurableRuns>
  /** Threads rest here between two works. Whoever made the world ends them. */
  readonly threads: RestingThreads
  readonly version: string
}

/** The part of process.stdin that is used. */
export interface InputStream extends NodeJS.ReadableStream {
  readonly isTTY?: boolean
  setRawMode?(on: boolean): unknown
}

/** The part of process.stdout that is used. */
export interface OutputStream {
  readonly isTTY?: boolean
  /** Characters in a line of the terminal. */
  readonly columns?: number
  write(chunk: string | Uint8Array, done?: (error?: Error | null) => void): boolean
}
