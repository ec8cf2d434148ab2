import { Failure } from '../../base/failure.ts'
import type { RestingCrew } from '../../kernels/resting-threads.ts'
import { WorkerPool, workerUrl } from '../../kernels/worker-pool.ts'
import type { SqliteManifest } from '../../model/manifest.ts'
import type { CopyFacts, CopyRequest } from './copy-database.ts'
import type { SqliteAnswer, SqliteJob } from './sqlite-job.ts'
import { requireSafeSqlite } from './sqlite-version.ts'

/** One copies or checks while another reads. */
const workersMax = 2

/** Threads for work with SQLite, which holds up the thread that it runs on. Failure `unsupported` where it is too old. */
export class SqliteWorkers implements RestingCrew {
  readonly #pool: WorkerPool<SqliteJob, SqliteAnswer>

  constructor(sqliteVersion = process.versions['sqlite']) {
    requireSafeSqlite(sqliteVersion)
    this.#pool = new WorkerPool<SqliteJob, SqliteAnswer>({
      workerUrl: workerUrl(import.meta.url, './sqlite-worker'),
      workerData: undefined,
      workersMax,
    })
  }

  /** See copyDatabase(). */
  async copy(request: CopyRequest, signal: AbortSignal): Promise<CopyFacts> {
    const stop = (): void => {
      for (let worker = 0; worker < workersMax; worker++) this.#pool.post(worker, 'stop')
    }
    signal.addEventListener('abort', stop)
    try {
      const answer = await this.#run({ kind: 'copy', ...request }, signal)
      return answer.facts
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /**
   * The manifest of a database that nobody writes to, once its integrity check is passed. Both are run at the same time.
   * Failures `database_unreadable`, `stopped`.
   */
  async examine(path: string, name: string, signal: AbortSignal): Promise<SqliteManifest> {
    const check = this.#run({ kind: 'check', path, name }, signal)
    const reading = this.#run({ kind: 'manifest', path, name }, signal)
    const [checked, read] = await Promise.allSettled([check, reading])
    if (checked.status === 'rejected') throw checked.reason
    if (read.status === 'rejected') throw read.reason
    return read.value.manifest
  }

  get isWell(): boolean {
    return this.#pool.isWell
  }

  /** Between two jobs they hold nothing. */
  async rest(): Promise<void> {
    this.#pool.unref()
  }

  wake(): void {
    this.#pool.ref()
  }

  /** See queryValue(). */
  async ask(path: string, sql: string, signal: AbortSignal): Promise<string | undefined> {
    return (await this.#run({ kind: 'ask', path, sql }, signal)).value
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.close()
  }

  async #run<Kind extends SqliteJob['kind']>(
    job: Extract<SqliteJob, { kind: Kind }>,
    signal: AbortSignal,
  ): Promise<Extract<SqliteAnswer, { kind: Kind }>> {
    const answer = await this.#pool.run(job, [], { signal })
    if (answer.kind !== job.kind) throw new Failure('defect', `A worker answered "${answer.kind}" to "${job.kind}"`)
    return answer as Extract<SqliteAnswer, { kind: Kind }>
  }
}
