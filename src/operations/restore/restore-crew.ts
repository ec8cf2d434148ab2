import type { Clock } from '../../base/clock.ts'
import { Failure } from '../../base/failure.ts'
import { inLanes } from '../../base/in-lanes.ts'
import { EarlyThreads } from '../../kernels/early-threads.ts'
import { WorkerPool, workerUrl } from '../../kernels/worker-pool.ts'

import { fileLots, targetsOf } from './file-lots.ts'
import type { LocatedFile } from './located-file.ts'
import type { CompareBy, Comparison, FileProblem, RestoreAnswer, RestoreJob, RestoreWorkerData } from './restore-job.ts'

type Answer<Kind extends RestoreJob['kind']> = Extract<RestoreAnswer, { kind: Kind }>

const workerModule = workerUrl(import.meta.url, './restore-worker')

/** Threads that a restore will need, started while its repository is opened. */
export function earlyRestoreThreads(workers: number): EarlyThreads {
  return new EarlyThreads(workerModule, workers)
}

/** How long workers that were stopped may take to end what they do, before they are ended. */
const patienceMs = 1000

export interface RestoreCrewOptions {
  readonly workers: number
  /** What a worker gets when it starts, by its index: when there is work for it. */
  readonly dataOf: (workerIndex: number) => RestoreWorkerData
  readonly early?: EarlyThreads | undefined
  readonly clock: Clock
}

/** The workers of a restore, by what they are asked for. */
export class RestoreCrew implements AsyncDisposable {
  readonly #pool: WorkerPool<RestoreJob, RestoreAnswer>
  readonly #clock: Clock
  readonly #signal: AbortSignal
  /** Indexes of the workers that were started. */
  readonly #started: number[] = []

  constructor({ workers, dataOf, early, clock }: RestoreCrewOptions, signal: AbortSignal) {
    this.#clock = clock
    this.#signal = signal
    this.#pool = new WorkerPool({
      workerUrl: workerModule,
      early,
      workerData: undefined,
      workerDataOf: (workerIndex) => {
        this.#started.push(workerIndex)
        return dataOf(workerIndex)
      },
      workersMax: workers,
    })
  }

  /** Has the workers close what they hold open, and ends them. */
  async [Symbol.asyncDispose](): Promise<void> {
    const impatient = new AbortController()
    const closed = this.#started.map((workerIndex) => this.#pool.run({ kind: 'close' }, [], { workerIndex }))
    const waited = this.#clock.sleep(patienceMs, impatient.signal).catch(() => {}) // It is not waited for any more.
    await Promise.race([Promise.allSettled(closed), waited])
    impatient.abort()
    await this.#pool.close()
  }

  /** The answer to a job, by a given worker or by any. */
  async run<Kind extends RestoreJob['kind']>(
    job: Extract<RestoreJob, { kind: Kind }>,
    workerIndex?: number,
  ): Promise<Answer<Kind>> {
    const options = { signal: this.#signal, ...(workerIndex !== undefined && { workerIndex }) }
    const answer = await this.#pool.run(job, [], options)
    if (answer.kind !== job.kind) throw new Failure('defect', `A worker answered "${answer.kind}" to "${job.kind}"`)
    return answer as Answer<Kind>
  }

  /** How each of these files compares with what is in the target; for a `proof` by the SHA-256 of the whole, where there is one. */
  async compare(
    files: readonly LocatedFile[],
    by: CompareBy,
    digestOf: (file: LocatedFile) => string | undefined = () => undefined,
  ): Promise<Comparison[]> {
    const comparisons: Comparison[] = []
    await this.#inLots(files, async (lot, from) => {
      const { directories, targets } = targetsOf(lot)
      const compared = targets.map((target, number) => {
        const file = lot[number]!
        const digest = digestOf(file)
        if (digest !== undefined) return { ...target, content: [], lengths: [], digest }
        return { ...target, content: file.content, lengths: file.lengths }
      })
      const answer = await this.run({ kind: 'compare', directories, files: compared, by })
      for (const [number, comparison] of answer.comparisons.entries()) comparisons[from + number] = comparison
    })
    return comparisons
  }

  /** Files of their full length: new ones of zeros, or those that are there with what they hold. */
  async prepare(files: readonly LocatedFile[], content: 'new' | 'keep'): Promise<FileProblem[]> {
    return await this.#problems(files, (lot) => {
      const { directories, targets } = targetsOf(lot)
      return this.run({ kind: 'prepare', directories, files: targets, content })
    })
  }

  /** New files without content, with their metadata. */
  async writeEmpty(files: readonly LocatedFile[]): Promise<FileProblem[]> {
    return await this.#problems(files, (lot) => {
      const { directories, targets } = targetsOf(lot)
      return this.run({ kind: 'write', directories, whole: targets, parts: [], blobs: [], check: 'content' })
    })
  }

  /** Metadata for files that have their content. */
  async finish(files: readonly LocatedFile[]): Promise<FileProblem[]> {
    return await this.#problems(files, (lot) => {
      const { directories, targets } = targetsOf(lot)
      return this.run({ kind: 'finish', directories, files: targets })
    })
  }

  /** Gathers problems, their files numbered as in `files`. */
  async #problems(
    files: readonly LocatedFile[],
    ask: (lot: readonly LocatedFile[]) => Promise<{ readonly problems: readonly FileProblem[] }>,
  ): Promise<FileProblem[]> {
    const gathered: FileProblem[] = []
    await this.#inLots(files, async (lot, from) => {
      const { problems } = await ask(lot)
      for (const problem of problems) gathered.push({ ...problem, file: from + problem.file })
    })
    return gathered
  }

  async #inLots(
    files: readonly LocatedFile[],
    action: (lot: readonly LocatedFile[], from: number) => Promise<void>,
  ): Promise<void> {
    await inLanes(fileLots(files), 2 * this.#pool.workersMax, this.#signal, async ({ lot, from }) => action(lot, from))
  }
}
