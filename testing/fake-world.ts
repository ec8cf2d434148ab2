import { randomBytes } from 'node:crypto'
import { PassThrough } from 'node:stream'
import { systemClock } from '../src/base/clock.ts'
import { openSqliteCatalog } from '../src/catalog/sqlite/sqlite-catalog.ts'
import { createLocalFolder } from '../src/storage/local/local-folder.ts'
import { localStorage } from '../src/storage/local/local-storage.ts'
import { runCommandLine } from '../src/cli/cli.ts'
import { openOpenworkflowRuns } from '../src/control/openworkflow/openworkflow-runs.ts'
import { RestingThreads } from '../src/kernels/resting-threads.ts'
import type { OutputStream, World } from '../src/cli/world.ts'

/** A stream that keeps what is written to it: a terminal where it is given a width. */
export function keepingStream(columns?: number): OutputStream & { text(): string; bytes(): Buffer } {
  const chunks: Buffer[] = []
  return {
    ...(columns === undefined ? {} : { isTTY: true, columns }),
    write(chunk, done) {
      chunks.push(Buffer.from(chunk as Uint8Array))
      done?.()
      return true
    },
    bytes: () => Buffer.concat(chunks),
    text: () => Buffer.concat(chunks).toString('utf8'),
  }
}

/** Of no matter: threads that rest do not keep a test from ending. */
const threadsRestMs = 1000

/** The world of a test: nothing of the real environment, and streams that keep what they are told. */
export function fakeWorld(changes: Partial<World>): World {
  return {
    words: [],
    environment: {},
    stdin: new PassThrough(),
    stdout: keepingStream(),
    stderr: keepingStream(),
    clock: systemClock,
    random: (bytes) => randomBytes(bytes),
    signal: new AbortController().signal,
    hostname: 'test-host',
    workingDirectory: process.cwd(),
    username: 'test-user',
    userId: 1000,
    groupId: 1000,
    processId: process.pid,
    isProcessAlive: (processId) => processId === process.pid,
    storages: {
      local: {
        open: async (place) => localStorage(place),
        create: async (place, signal) => {
          await createLocalFolder(place, signal)
          return localStorage(place)
        },
      },
    },
    openCatalog: (path) => openSqliteCatalog(path, { actor: 'test-user@test-host' }),
    openRuns: (folder) => openOpenworkflowRuns(folder, changes.clock ?? systemClock),
    threads: new RestingThreads(threadsRestMs),
    version: '0.0.0-test',
    ...changes,
  }
}

/** What a command line printed, and its exit code. */
export interface CommandRun {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command line in a fake world. */
export async function runWords(words: readonly string[], changes: Partial<World> = {}): Promise<CommandRun> {
  const stdout = keepingStream()
  const stderr = keepingStream()
  const code = await runCommandLine(fakeWorld({ ...changes, words, stdout, stderr }))
  return { code, stdout: stdout.text(), stderr: stderr.text() }
}
