import { errorMessage } from '../base/error-message.ts'
import { Failure } from '../base/failure.ts'
import type { FailureCode, FailureFacts } from '../base/failure.ts'

/** What a WorkerPool and its workers say to each other. */
export type ToWorker =
  /** The first one to a thread that was started before its pool: what others find as their workerData. */
  | { readonly kind: 'begin'; readonly workerIndex: number; readonly workerData: unknown }
  | { readonly kind: 'job'; readonly id: number; readonly job: unknown }
  | { readonly kind: 'message'; readonly message: unknown }

export type FromWorker<Answer> =
  /** The first one: its module is loaded. */
  | { readonly kind: 'ready' }
  /** What came of jobs, in their order. */
  | { readonly kind: 'answers'; readonly answers: readonly Answered<Answer>[] }
  | { readonly kind: 'message'; readonly message: unknown }

/** What came of one job. */
export type Answered<Answer> =
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: PackedFailure }

/** A Failure as plain data: structured cloning would make a plain Error of it. */
export interface PackedFailure {
  readonly code: FailureCode
  readonly message: string
  readonly facts: FailureFacts
  readonly cause: string | undefined
  readonly stack: string | undefined
}

export function packFailure(error: unknown): PackedFailure {
  const failure = error instanceof Failure ? error : new Failure('defect', errorMessage(error), { cause: error })
  const origin = error instanceof Error ? error : failure
  return {
    code: failure.code,
    message: failure.message,
    facts: failure.facts,
    cause: failure.cause === undefined ? undefined : errorMessage(failure.cause),
    stack: origin.stack,
  }
}

export function unpackFailure(packed: PackedFailure): Failure {
  const { code, message, facts, cause, stack } = packed
  const failure = new Failure(code, message, { facts, cause: cause === undefined ? undefined : new Error(cause) })
  if (stack !== undefined) failure.stack = stack
  return failure
}
