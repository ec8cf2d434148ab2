import { toHex } from '../../../base/hex.ts'

/** The name of a run that nobody had scheduled. */
export function newRunId(random: (bytes: number) => Uint8Array): string {
  return `run-${toHex(random(8))}`
}
