import { Failure } from '../base/failure.ts'
import { serveJobs, workerHost } from './worker-host.ts'

/** The worker of worker-pool.test.ts: each job names what is to happen. */
export type TestJob =
  | { readonly kind: 'echo'; readonly value: unknown }
  | { readonly kind: 'fail'; readonly code: 'storage_full'; readonly message: string }
  | { readonly kind: 'throw'; readonly message: string }
  | { readonly kind: 'die' }
  | { readonly kind: 'crash' }
  | { readonly kind: 'index' }
  | { readonly kind: 'data' }
  | { readonly kind: 'post'; readonly value: unknown }
  | { readonly kind: 'posted' }
  | { readonly kind: 'wait'; readonly flag: SharedArrayBuffer }
  | { readonly kind: 'transfer' }

let posted: unknown
const { workerData } = workerHost() as { workerData: { readonly answersAtOnce?: number } | undefined }

serveJobs<TestJob, unknown>({
  handle: async (job, host) => {
    switch (job.kind) {
      case 'echo':
        return job.value
      case 'fail':
        throw new Failure(job.code, job.message, { facts: { bytes: 7 }, cause: new Error('the cause') })
      case 'throw':
        throw new RangeError(job.message)
      case 'die':
        return process.exit(3)
      case 'crash':
        queueMicrotask(() => {
          throw new Error('outside a handler')
        })
        return new Promise(() => {})
      case 'index':
        return host.workerIndex
      case 'data':
        return host.workerData
      case 'post':
        host.post(job.value)
        return 'sent'
      case 'posted':
        return posted
      case 'wait':
        Atomics.wait(new Int32Array(job.flag), 0, 0)
        return host.workerIndex
      case 'transfer':
        return new Uint8Array(1024).fill(9)
      default:
        return job satisfies never
    }
  },
  onMessage: (message) => {
    posted = message
  },
  answersAtOnce: workerData?.answersAtOnce ?? 1,
  transferOf: (answer) => (answer instanceof Uint8Array ? [answer.buffer as ArrayBuffer] : []),
})
