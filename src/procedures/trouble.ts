import type { Failure } from '../base/failure.ts'

/** A failure that did not end a procedure, as a sentence of its outcome. */
export function describeTrouble({ message, facts }: Failure): string {
  const hint = facts['hint']
  return hint === undefined ? message : `${message}: ${String(hint).replace(/^\w/, (letter) => letter.toLowerCase())}`
}
