import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('./live-policy.ts', import.meta.url))

/** Where bin/ lets Node keep compiled code. */
export const compileCache = fileURLToPath(new URL('../node_modules/.cache/zakops-backup', import.meta.url))

/**
 * The command that lives through a policy until so many weekly fulls were taken, on one core where that can be had: for
 * backups this small, more threads cost more to start than they bring.
 */
export function livePolicyCommand(fulls: number, seed: string): readonly [string, ...string[]] {
  const words = [script, String(fulls), seed]
  const hasTaskset = spawnSync('taskset', ['-c', '0', 'true']).status === 0
  return hasTaskset ? ['taskset', '-c', '0', process.execPath, ...words] : [process.execPath, ...words]
}
