import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Transferable } from 'node:worker_threads'
import { Failure } from '../base/failure.ts'
import { koffi } from '../posix/koffi.ts'
import { kernelModule } from './kernel-module.ts'
import { packFailure } from './worker-protocol.ts'
import type { Answered, FromWorker, ToWorker } from './worker-protocol.ts'

/** What a worker module sees of its pool. */
export interface WorkerHost {
  readonly workerIndex: number
  /** The pool's workerData. A worker that is started before its pool has it from its first job on. */
  readonly workerData: unknown
  /** Sends to the pool's onMessage(). Whatever was posted before a job's answer arrives before it. */
  post(message: unknown, transfer?: readonly Transferable[]): void
}

export interface ServeOptions<Job, Answer> {
  /** Does one job. */
  readonly handle: (job: Job, host: WorkerHost) => Promise<Answer> | Answer
  /** Takes what the pool posts besides jobs; it may arrive while a job runs. */
  readonly onMessage?: (message: unknown, host: WorkerHost) => void
  /** Parts of an answer that move instead of being copied. */
  readonly transferOf?: (answer: Answer) => readonly Transferable[]
  /**
   * Answers that are sent together while further jobs wait: each message wakes the other thread, which takes as long as a
   * small job does. 1 where it is not given. A job must not wait for what another one's answer leads to, then.
   */
  readonly answersAtOnce?: number
}

// What the thread was started with, or was told since.
let given = (workerData ?? undefined) as { readonly workerIndex: number; readonly workerData: unknown } | undefined

/** The host of this worker thread; Failure `defect` on the main thread. */
export function workerHost(): WorkerHost {
  const port = parentPort
  if (port === null) throw new Failure('defect', 'Cannot serve jobs: this is not a worker thread')
  return {
    get workerIndex() {
      return given?.workerIndex ?? -1
    },
    get workerData() {
      return given?.workerData
    },
    post: (message, transfer = []) => port.postMessage({ kind: 'message', message }, transfer),
  }
}

/**
 * Serves the jobs of the WorkerPool that started this thread, one after another, until the pool ends it. What the
 * handler throws is the answer's failure; an error outside the handler ends the worker, and with it the pool.
 */
export function serveJobs<Job, Answer>(handler: ServeOptions<Job, Answer>['handle'] | ServeOptions<Job, Answer>): void {
  const options = typeof handler === 'function' ? { handle: handler } : handler
  const port = parentPort
  const host = workerHost()
  const answersAtOnce = options.answersAtOnce ?? 1
  let last: Promise<void> = Promise.resolve()
  let waiting = 0
  let unsent: Answered<Answer>[] = []
  let moving: Transferable[] = []
  const send = (message: FromWorker<Answer>, transfer: readonly Transferable[]): void =>
    port?.postMessage(message, transfer)
  const accept = (message: ToWorker): void => {
    if (message.kind === 'begin') {
      given = message
    } else if (message.kind === 'message') {
      options.onMessage?.(message.message, host)
    } else {
      waiting++
      last = last.then(() => serve(message.id, message.job as Job))
    }
  }
  const hasMore = (): boolean => {
    for (;;) {
      if (waiting > 0) return true
      const next = port === null ? undefined : receiveMessageOnPort(port)
      if (next === undefined) return false
      accept(next.message as ToWorker)
    }
  }
  const finish = (answered: Answered<Answer>, transfer: readonly Transferable[]): void => {
    unsent.push(answered)
    moving.push(...transfer)
    if (unsent.length < answersAtOnce && hasMore()) return
    const [answers, transfers] = [unsent, moving]
    unsent = []
    moving = []
    send({ kind: 'answers', answers }, transfers)
  }
  const serve = async (id: number, job: Job): Promise<void> => {
    waiting--
    try {
      const answer = await options.handle(job, host)
      finish({ kind: 'answer', id, answer }, options.transferOf?.(answer) ?? [])
    } catch (error) {
      finish({ kind: 'failure', id, failure: packFailure(error) }, [])
    }
  }
  port?.on('message', accept)
  // Before the thread counts as loaded, since one that is ended while a native library loads ends the process; and
  // while it has nothing to do, since the first job will want both.
  koffi()
  kernelModule()
  send({ kind: 'ready' }, [])
}
