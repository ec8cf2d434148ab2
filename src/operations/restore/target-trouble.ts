import { errorCode } from '../../base/error-code.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import { isSystemError } from '../../posix/system-error.ts'

/** Errors of the target as a whole: the other files would only fail alike. */
const hopeless: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT', 'EROFS'])

/** What hinders one entry of the target. */
export interface TargetTrouble {
  readonly code: 'target_unsafe' | 'target_failed'
  readonly detail: string
}

/**
 * The trouble with one entry that an error stands for. Throws what ends the restore: Failure `target_failed` where the
 * target as a whole can not be written, and every error that is not the target's.
 */
export function troubleOf(error: unknown): TargetTrouble {
  if (isFailure(error, 'target_unsafe')) return { code: 'target_unsafe', detail: error.message }
  if (!isFailure(error, 'target_failed') && !isSystemError(error)) throw error
  const system = isSystemError(error) ? errorCode(error) : error.facts['code']
  if (!hopeless.has(String(system))) return { code: 'target_failed', detail: errorMessage(error) }
  const text = errorMessage(error)
  throw new Failure('target_failed', text.startsWith('Cannot') ? text : `Cannot write into the target: ${text}`, {
    facts: { code: system, hint: 'What was restored so far is kept; the same restore goes on from there.' },
    cause: error,
  })
}
