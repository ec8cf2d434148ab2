import { readFileSync } from 'node:fs'

/**
 * When a process began, in ticks since the machine's start; undefined where there is no such process. With its number
 * it names a process for good: numbers are given again.
 */
export function processBeginTicks(processId: number): number | undefined {
  try {
    const text = readFileSync(`/proc/${processId}/stat`, 'latin1')
    // The second field is the program's name in brackets, and may hold blanks and brackets itself.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : Number(fields[19])
  } catch {
    return undefined // It is gone.
  }
}
