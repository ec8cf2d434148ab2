import { join } from 'node:path'
import { type ProgramEnd, type ProgramOptions, runProgram, runWell } from '../testing/run-program.ts'

/** The program as a user calls it: the checkout's, or the one that ZAKOPS_PROGRAM names (an installed package). */
export const programPath = process.env.ZAKOPS_PROGRAM ?? join(import.meta.dirname, '../bin/zakops-backup')

export const password = 'correct horse battery staple'

/** What both programs read from the environment; nothing of the developer's own settings comes through. */
export const environment: Readonly<Record<string, string>> = {
  RESTIC_PASSWORD: password,
  RESTIC_REPOSITORY: '',
  RESTIC_PASSWORD_FILE: '',
  RESTIC_PROGRESS_FPS: '',
  TZ: 'UTC',
}

/** Runs the program; an Error with all it said where it ends otherwise than wanted (0). */
export function zakops(
  words: readonly string[],
  options: ProgramOptions & { readonly exitCodes?: readonly number[] } = {},
) {
  return runWell(programPath, words, { ...options, environment: { ...environment, ...options.environment } })
}

/** Runs the program to whatever end. */
export function tryZakops(words: readonly string[], options: ProgramOptions = {}): Promise<ProgramEnd> {
  return runProgram(programPath, words, { ...options, environment: { ...environment, ...options.environment } })
}

/** Runs a restic with its cache in `cache`; an Error where it ends otherwise than wanted (0). */
export function restic(
  path: string,
  cache: string,
  words: readonly string[],
  options: ProgramOptions & { readonly exitCodes?: readonly number[] } = {},
) {
  return runWell(path, words, {
    ...options,
    environment: { ...environment, RESTIC_CACHE_DIR: cache, ...options.environment },
  })
}

/** What a snapshot says of itself in `snapshots --json`; both programs print these. */
export interface SnapshotFacts {
  readonly id: string
  readonly short_id: string
  readonly time: string
  readonly tree: string
  readonly paths: readonly string[]
  readonly hostname: string
  readonly tags?: readonly string[]
  readonly parent?: string
}

export function parseSnapshots(stdout: string): SnapshotFacts[] {
  return JSON.parse(stdout) as SnapshotFacts[]
}

/** The documents of a program that prints one JSON document a line. */
export function parseLines(stdout: string): Record<string, unknown>[] {
  return stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}
