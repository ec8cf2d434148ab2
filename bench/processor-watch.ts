import { readFileSync } from 'node:fs'
import os from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { childrenCpuSeconds, ticksPerSecond } from './measure.ts'

/** Watches how much of the machine other programs take meanwhile: what is measured then is measured with them. */
export class ProcessorWatch {
  readonly #begin = performance.now()
  readonly #busy = busySeconds()
  readonly #own = ownSeconds()

  /** Which share of all processors others had since, the host of a virtual machine among them: 0 to 1. Of children that have ended. */
  othersShare(): number {
    const wall = ((performance.now() - this.#begin) / 1000) * os.availableParallelism()
    const others = busySeconds() - this.#busy - (ownSeconds() - this.#own)
    return Math.min(1, Math.max(0, others / wall))
  }
}

/** Others have less than this of the processors where a machine is quiet. */
const quietShare = 0.25
const lookMs = 2000

/** Waits for a moment in which other programs leave the machine alone, and no longer than `msMax`. */
export async function awaitQuiet(msMax: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < msMax; waitedMs += lookMs) {
    const watch = new ProcessorWatch()
    await sleep(lookMs)
    if (watch.othersShare() < quietShare) return
  }
}

/** Time that all processors were not idle. */
function busySeconds(): number {
  const fields = readFileSync('/proc/stat', 'utf8').split('\n')[0]!.trim().split(/\s+/).slice(1).map(Number)
  const [user = 0, nice = 0, system = 0, _idle, _wait, interrupt = 0, softInterrupt = 0, steal = 0] = fields
  return (user + nice + system + interrupt + softInterrupt + steal) / ticksPerSecond
}

function ownSeconds(): number {
  const { user, system } = process.cpuUsage()
  return childrenCpuSeconds() + (user + system) / 1e6
}
