import { isProcessAlive } from '../base/process-alive.ts'
import { processBirth } from '../base/process-birth.ts'
import type { RunProcess } from '../model/run.ts'

/** The record of a process of this machine, for the beginning of its run. */
export function runProcess(host: string, processId: number): RunProcess {
  return { host, processId, birth: processBirth(processId) }
}

/**
 * Whether the process of a run goes on, as far as this host can know: of a process of another host it says yes. A later
 * process that was given the same number is not taken for it where the system tells them apart.
 */
export function isRunProcessAlive(process: RunProcess, host: string): boolean {
  if (process.host !== host) return true
  if (!isProcessAlive(process.processId)) return false
  const birth = processBirth(process.processId)
  return process.birth === undefined || birth === undefined || birth === process.birth
}
