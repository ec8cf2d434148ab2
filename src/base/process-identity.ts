import { readFileSync } from 'node:fs'

/**
 * What tells a process from all that had or will have its number: the machine's boot and the tick of its start. Undefined
 * where no such process runs, or where the machine does not say (no /proc); then only the number is left to go by.
 */
export function processIdentity(processId: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const text = readFileSync(`/proc/${processId}/stat`, 'latin1')
    // The name, in parentheses, may itself hold spaces and parentheses; the start is the 20th field behind it.
    const started = text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
    return started === undefined ? undefined : `${boot}/${started}`
  } catch {
    return undefined
  }
}
