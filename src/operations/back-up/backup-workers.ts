import { Failure } from '../../base/failure.ts'
import { workersOfCores } from '../../base/worker-count.ts'
import type { Id } from '../../model/id.ts'
import type { RestingCrew } from '../../kernels/resting-threads.ts'
import { WorkerPool, workerUrl } from '../../kernels/worker-pool.ts'
import {
  type BackupAnswer,
  type BackupJob,
  type BackupWorkerData,
  jobsPerWorkerMax,
  type PackReady,
} from './backup-job.ts'

/**
 * The worker threads of one backup at a time. They take as long to start as a password takes to be checked, so a caller may
 * start them before it opens the repository; begin() tells them what the work is.
 */
export class BackupWorkers implements RestingCrew {
  readonly pool: WorkerPool<BackupJob, BackupAnswer>
  #receive: (pack: PackReady) => void = noWork

  /** `count`: as many as there are cores where it is not given. */
  constructor(count: number = workersOfCores()) {
    this.pool = new WorkerPool<BackupJob, BackupAnswer>({
      workerUrl: workerUrl(import.meta.url, './backup-worker'),
      workerData: undefined,
      workersMax: count,
      jobsPerWorkerMax,
      onMessage: (_worker, message) => this.#receive(message as PackReady),
    })
  }

  /** Starts the threads without waiting for them. */
  start(): void {
    this.pool.start()
  }

  /** Tells every worker what the work is. Packs go to `receive` from then on. */
  async begin(data: BackupWorkerData, receive: (pack: PackReady) => void): Promise<void> {
    this.#receive = receive
    await this.#each({ kind: 'begin', data })
  }

  /** Has every worker hand over the packs that are not full. */
  async flush(): Promise<void> {
    await this.#each({ kind: 'flush' })
  }

  /** The SHA-256 of the first `length` bytes of a buffer. */
  async hash(buffer: SharedArrayBuffer, length: number, signal: AbortSignal): Promise<Id> {
    const answer = await this.pool.run({ kind: 'hash', buffer, length }, [], { signal })
    if (answer.kind !== 'hash') throw new Failure('defect', `A worker answered "${answer.kind}" to "hash"`)
    return answer.id
  }

  get isWell(): boolean {
    return this.pool.isWell
  }

  async rest(): Promise<void> {
    await this.#each({ kind: 'rest' })
    this.#receive = noWork
    this.pool.unref()
  }

  wake(): void {
    this.pool.ref()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.close()
  }

  async #each(job: BackupJob): Promise<void> {
    const answers = Array.from({ length: this.pool.workersMax }, async (_, workerIndex) =>
      this.pool.run(job, [], { workerIndex }),
    )
    for (const answer of await Promise.all(answers)) {
      if (answer.kind !== job.kind) {
        throw new Failure('defect', `A worker answered "${answer.kind}" to "${job.kind}"`)
      }
    }
  }
}

function noWork(): never {
  throw new Failure('defect', 'A worker has a pack before its work began')
}
