import { parentPort, workerData } from 'node:worker_threads'
import type { Transferable } from 'node:worker_threads'
import { Failure } from '../base/failure.ts'
import { packFailure } from './worker-protocol.ts'
import type { FromWorker, ToWorker } from './worker-protocol.ts'

/** What a worker module sees of its pool. */
export interface WorkerHost {
  readonly workerIndex: number
  /** The pool's workerData. */
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
}

/** The host of this worker thread; Failure `defect` on the main thread. */
export function workerHost(): WorkerHost {
  const port = parentPort
  if (port === null) throw new Failure('defect', 'Cannot serve jobs: this is not a worker thread')
  const given = workerData as { readonly workerIndex: number; readonly workerData: unknown }
  return {
    workerIndex: given.workerIndex,
    workerData: given.workerData,
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
  let last: Promise<void> = Promise.resolve()
  const send = (message: FromWorker<Answer>, transfer: readonly Transferable[]): void =>
    port?.postMessage(message, transfer)
  const serve = async (id: number, job: Job): Promise<void> => {
    try {
      const answer = await options.handle(job, host)
      send({ kind: 'answer', id, answer }, options.transferOf?.(answer) ?? [])
    } catch (error) {
      send({ kind: 'failure', id, failure: packFailure(error) }, [])
    }
  }
  port?.on('message', (message: ToWorker) => {
    if (message.kind === 'message') options.onMessage?.(message.message, host)
    else last = last.then(() => serve(message.id, message.job as Job))
  })
  send({ kind: 'ready' }, [])
}
