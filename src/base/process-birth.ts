import { readFileSync } from 'node:fs'

/**
 * What tells a process from every other that had or will have its number on this machine: the machine's start and the
 * moment in it at which the process began. Undefined where there is no such process, or the system does not say.
 */
export function processBirth(processId: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
    const stat = readFileSync(`/proc/${processId}/stat`, 'latin1')
    // The second field is the program's name in brackets, which may hold anything; the start is the 22nd.
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    return start === undefined ? undefined : `${boot}/${start}`
  } catch {
    // A system without /proc does not say; that the process is gone is for isProcessAlive() to find.
    return undefined
  }
}
