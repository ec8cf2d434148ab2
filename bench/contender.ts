import type { Restic } from '../testing/restic.ts'

/** One of the two programs that are measured: how it is asked for each step. */
export interface Contender {
  readonly name: 'ours' | 'restic'
  /** For the page of results. */
  readonly description: string
  readonly program: string
  /** Words before the command's own. */
  readonly wordsBefore: readonly string[]
  words(step: Step, place: Place): readonly string[]
}

/** What is measured, in the order in which it is done with one repository. */
export const steps = ['init', 'first', 'unchanged', 'unchanged-keyed', 'check', 'restore'] as const
export type Step = (typeof steps)[number]

/** Where a step works. */
export interface Place {
  readonly repository: string
  readonly source: string
  /** A file with the repository's master key, as restic prints it. */
  readonly masterKey: string
  readonly target: string
}

export const password = 'bench'

/** This program, by its start script. */
export function ourProgram(program: string, description: string): Contender {
  return {
    name: 'ours',
    description,
    program,
    wordsBefore: [],
    words: (step, place) => {
      if (step === 'init') return ['repo', 'init', '-r', place.repository]
      const words = commonWords(step, place)
      return step === 'unchanged-keyed' ? ['--master-key-file', place.masterKey, ...words] : words
    },
  }
}

/** A restic binary with its own settings left as they are. */
export function resticProgram(restic: Restic): Contender {
  return {
    name: 'restic',
    description: restic.description,
    program: restic.path,
    wordsBefore: [],
    words: (step, place) =>
      step === 'init' ? ['init', '-r', place.repository, '--repository-version', '2'] : commonWords(step, place),
  }
}

/** The words that both understand. The source is the working directory, so that both store the same paths. */
function commonWords(step: Exclude<Step, 'init'>, place: Place): readonly string[] {
  const repository = ['-r', place.repository]
  switch (step) {
    case 'first':
    case 'unchanged':
    case 'unchanged-keyed':
      return ['backup', ...repository, '.']
    case 'check':
      return ['check', ...repository, '--read-data']
    case 'restore':
      return ['restore', ...repository, 'latest', '--target', place.target]
    default:
      return step satisfies never
  }
}
