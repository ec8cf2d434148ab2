import { errorCode } from '../../base/error-code.ts'
import { Failure, isFailure } from '../../base/failure.ts'

/** What a failed write to stdout means: that nobody reads it any more (`| head`), or that it can not be written. */
export function stdoutFailure(cause: unknown): Failure {
  if (errorCode(cause) === 'EPIPE') return new Failure('stopped', 'Nobody reads the output any more', { cause })
  return new Failure('target_failed', 'Cannot write to stdout', { cause })
}

/** Whether the work ended because nobody reads its output: then nobody is left to be told. */
export function isReaderGone(error: unknown): boolean {
  return isFailure(error, 'stopped') && errorCode(error.cause) === 'EPIPE'
}
