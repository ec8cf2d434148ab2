import type { Transferable, Worker } from 'node:worker_threads'
import { throwIfStopped } from '../base/abort.ts'
import { errorMessage } from '../base/error-message.ts'
import { Failure } from '../base/failure.ts'
import { type EarlyThread, type EarlyThreads, startThread } from './early-threads.ts'
import type { FromWorker, ToWorker } from './worker-protocol.ts'
import { unpackFailure } from './worker-protocol.ts'

export interface WorkerPoolOptions {
  /** A module that calls serveJobs() of worker-host.ts; see workerUrl(). */
  readonly workerUrl: URL
  /** Plain data that every worker gets, or what gives each its own. */
  readonly workerData: unknown
  readonly workerDataOf?: (workerIndex: number) => unknown
  readonly workersMax: number
  /** Jobs that a worker may have, the running one included. Two keep it busy while its answer travels. */
  readonly jobsPerWorkerMax?: number
  /** Threads that were started before; the pool takes them over as it needs them. */
  readonly early?: EarlyThreads | undefined
  /** Takes what workers post besides their answers. */
  readonly onMessage?: (workerIndex: number, message: unknown) => void
}

export interface RunOptions {
  /** The worker that must do it; else the least busy one does. */
  readonly workerIndex?: number
  readonly signal?: AbortSignal
}

interface Task<Answer> {
  readonly id: number
  readonly job: unknown
  readonly transfer: readonly Transferable[]
  readonly workerIndex: number | undefined
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

interface Seat<Answer> {
  readonly worker: Worker
  /** Resolves when the worker's module is loaded, or never will be. */
  readonly loaded: Promise<void>
  readonly running: Map<number, Task<Answer>>
}

/**
 * Runs jobs on worker threads, which start when they are first needed. A worker does its jobs one after another,
 * in their order. Jobs beyond the room of the workers wait here; a caller with many jobs awaits ready() before
 * each, so that few do. Once a worker died, every job fails: its state, and that of its jobs, is not known.
 */
export class WorkerPool<Job, Answer> {
  readonly #options: WorkerPoolOptions
  readonly #jobsPerWorkerMax: number
  readonly #seats: (Seat<Answer> | undefined)[]
  #waiting: Task<Answer>[] = []
  #wantingRoom: (() => void)[] = []
  #nextId = 0
  #end: Failure | undefined

  constructor(options: WorkerPoolOptions) {
    this.#options = options
    this.#jobsPerWorkerMax = options.jobsPerWorkerMax ?? 2
    this.#seats = Array.from({ length: options.workersMax }, () => undefined)
  }

  get workersMax(): number {
    return this.#options.workersMax
  }

  /**
   * The answer to `job`, or the Failure that the worker's handler threw (code, message and facts; anything else
   * arrives as `defect`). Rejects with `defect` when the worker dies, with `stopped` after close(). When `signal` is
   * aborted, it rejects at once; a job that has begun still runs to its end.
   */
  async run(job: Job, transfer: readonly Transferable[] = [], options: RunOptions = {}): Promise<Answer> {
    const { signal, workerIndex } = options
    if (signal !== undefined) throwIfStopped(signal)
    if (this.#end !== undefined) throw this.#end
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const task: Task<Answer> = { id: this.#nextId++, job, transfer, workerIndex, resolve, reject }
    const stop = (): void => {
      this.#waiting = this.#waiting.filter((other) => other !== task)
      reject(
        signal?.reason instanceof Failure
          ? signal.reason
          : new Failure('stopped', 'A job was stopped', { cause: signal?.reason }),
      )
    }
    signal?.addEventListener('abort', stop)
    try {
      this.#waiting.push(task)
      this.#hand()
      return await promise
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  /** False once a worker died or the pool was closed. */
  get isWell(): boolean {
    return this.#end === undefined
  }

  /** From now on the workers that are started do not keep the process from ending, until ref() is called. */
  unref(): void {
    for (const seat of this.#seats) seat?.worker.unref()
  }

  ref(): void {
    for (const seat of this.#seats) seat?.worker.ref()
  }

  /** Starts all workers now rather than with their first jobs. */
  start(): void {
    if (this.#end !== undefined) throw this.#end
    for (let index = 0; index < this.#seats.length; index++) this.#seat(index)
  }

  /** Resolves when a worker has room and nobody waits for it; rejects as run() does. */
  async ready(signal?: AbortSignal): Promise<void> {
    while (!this.#hasRoom()) {
      if (this.#end !== undefined) throw this.#end
      if (signal !== undefined) throwIfStopped(signal)
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#wantingRoom.push(resolve)
      const wake = (): void => resolve()
      signal?.addEventListener('abort', wake)
      await promise
      signal?.removeEventListener('abort', wake)
    }
    if (this.#end !== undefined) throw this.#end
    if (signal !== undefined) throwIfStopped(signal)
  }

  /** Posts a message to a worker, besides the jobs; it is there before any job that is run later. */
  post(workerIndex: number, message: unknown, transfer: readonly Transferable[] = []): void {
    if (this.#end !== undefined) throw this.#end
    this.#send(this.#seat(workerIndex), { kind: 'message', message }, transfer)
  }

  /**
   * Ends the workers; jobs that are not answered are rejected with `stopped` at once. A worker that is still loading its
   * module is let finish that: to be ended while a native library loads ends the whole process.
   */
  async close(): Promise<void> {
    this.#fail(new Failure('stopped', 'The worker pool was closed'))
    const ending = this.#seats.map(async (seat) => {
      await seat?.loaded
      await seat?.worker.terminate()
    })
    await Promise.all(ending)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #hasRoom(): boolean {
    if (this.#waiting.length > 0) return false
    return this.#seats.some((seat) => (seat?.running.size ?? 0) < this.#jobsPerWorkerMax)
  }

  /** Hands waiting jobs to workers that have room, in order; a job bound to a busy worker lets others pass. */
  #hand(): void {
    if (this.#waiting.length > 0) {
      this.#waiting = this.#waiting.filter((task) => {
        const workerIndex = task.workerIndex ?? this.#leastBusy()
        if ((this.#seats[workerIndex]?.running.size ?? 0) >= this.#jobsPerWorkerMax) return true
        const seat = this.#seat(workerIndex)
        seat.running.set(task.id, task)
        try {
          this.#send(seat, { kind: 'job', id: task.id, job: task.job }, task.transfer)
        } catch (error) {
          seat.running.delete(task.id) // Not to be cloned: the caller's fault, told to the caller.
          task.reject(error)
        }
        return false
      })
    }
    if (this.#hasRoom()) this.#wakeAll()
  }

  /** The first idle worker, so that no more start than are needed; else the one with the fewest jobs. */
  #leastBusy(): number {
    let best = 0
    let bestJobs = Infinity
    for (let index = 0; index < this.#seats.length; index++) {
      const jobs = this.#seats[index]?.running.size ?? 0
      if (jobs >= bestJobs) continue
      best = index
      bestJobs = jobs
    }
    return best
  }

  #seat(workerIndex: number): Seat<Answer> {
    const present = this.#seats[workerIndex]
    if (present !== undefined) return present
    const workerData: unknown = this.#options.workerDataOf?.(workerIndex) ?? this.#options.workerData
    const given = { workerIndex, workerData }
    const early = this.#options.early?.take()
    const thread: EarlyThread = early ?? startThread(this.#options.workerUrl, given)
    const { worker, loaded } = thread
    const seat: Seat<Answer> = { worker, running: new Map(), loaded }
    this.#seats[workerIndex] = seat
    worker.on('message', (message: FromWorker<Answer>) => this.#take(workerIndex, seat, message))
    worker.on('error', (error) => this.#fail(workerDied(workerIndex, error)))
    worker.on('messageerror', (error) => this.#fail(workerDied(workerIndex, error)))
    worker.on('exit', (code) => this.#fail(workerDied(workerIndex, new Error(`it ended with code ${code}`))))
    const end = thread.end()
    if (end !== undefined) this.#fail(workerDied(workerIndex, end))
    else if (early !== undefined) this.#send(seat, { kind: 'begin', ...given }, [])
    return seat
  }

  #send(seat: Seat<Answer>, message: ToWorker, transfer: readonly Transferable[]): void {
    seat.worker.postMessage(message, transfer)
  }

  #take(workerIndex: number, seat: Seat<Answer>, message: FromWorker<Answer>): void {
    if (message.kind === 'ready') return
    if (message.kind === 'message') {
      this.#options.onMessage?.(workerIndex, message.message)
      return
    }
    for (const answered of message.answers) {
      const task = seat.running.get(answered.id)
      seat.running.delete(answered.id)
      if (answered.kind === 'answer') task?.resolve(answered.answer)
      else task?.reject(unpackFailure(answered.failure))
    }
    this.#hand()
  }

  /** The first reason to end is the one that everybody is told. */
  #fail(failure: Failure): void {
    if (this.#end !== undefined) return
    this.#end = failure
    const tasks = [...this.#waiting, ...this.#seats.flatMap((seat) => [...(seat?.running.values() ?? [])])]
    this.#waiting = []
    for (const seat of this.#seats) seat?.running.clear()
    for (const task of tasks) task.reject(failure)
    this.#wakeAll()
  }

  #wakeAll(): void {
    const woken = this.#wantingRoom
    this.#wantingRoom = []
    for (const wake of woken) wake()
  }
}

/** The URL of the worker module `path` ("./name", without extension) beside the module `base`, in source and in dist. */
export function workerUrl(base: string, path: string): URL {
  return new URL(`${path}${base.endsWith('.ts') ? '.ts' : '.js'}`, base)
}

function workerDied(workerIndex: number, cause: unknown): Failure {
  return new Failure('defect', `Worker ${workerIndex} died: ${errorMessage(cause)}`, { cause })
}
