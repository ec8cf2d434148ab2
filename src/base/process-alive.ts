import { errorCode } from './error-code.ts'

/** Says whether a process of this machine runs. One that belongs to another user does, though no signal may be sent to it. */
export function isProcessAlive(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}
