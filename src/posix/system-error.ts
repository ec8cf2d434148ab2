import { constants } from 'node:os'

/** Names of errno values on this machine: 2 → "ENOENT". Where two names share a number the first one stays. */
const names = new Map<number, string>()
for (const [name, value] of Object.entries(constants.errno)) if (!names.has(value)) names.set(value, name)
names.set(constants.errno.EAGAIN, 'EAGAIN')
names.set(constants.errno.EOPNOTSUPP, 'ENOTSUP')

/** The symbolic name of an errno value; "E<number>" where Node knows none. */
export function errnoName(errno: number): string {
  return names.get(errno) ?? `E${errno}`
}

/**
 * A system call that failed. `code` is the symbolic errno ("ENOENT", "EACCES"; ENOTSUP and EOPNOTSUPP are both
 * "ENOTSUP"), as on Node's own system errors, so base/error-code.ts reads both.
 */
export class SystemError extends Error {
  override readonly name = 'SystemError'
  readonly code: string
  readonly errno: number
  readonly systemCall: string

  constructor(systemCall: string, errno: number) {
    const code = errnoName(errno)
    super(`${code}: ${systemCall} failed`)
    this.code = code
    this.errno = errno
    this.systemCall = systemCall
  }
}

/** Says whether `error` is a failed system call with one of these codes. */
export function isSystemError(error: unknown, ...codes: readonly string[]): error is SystemError {
  return error instanceof SystemError && (codes.length === 0 || codes.includes(error.code))
}
