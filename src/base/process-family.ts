import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import type { Clock } from './clock.ts'

/** A process, told from a later one of its number by when it began. */
interface Relative {
  readonly processId: number
  readonly parent: number
  /** In ticks since the machine started. */
  readonly began: string
}

/**
 * A process with all that it started, and what those started: a command that is stopped must not leave its parts at work. Only what
 * still has its parent is found: a daemon that has left on purpose is its own. Where the system has no /proc, it is the process
 * alone.
 */
export class ProcessFamily {
  readonly #root: number
  #rootBegan: string | undefined
  readonly #known = new Map<number, Relative>()

  constructor(root: number) {
    this.#root = root
  }

  /** Looks for relatives. Once a parent is gone its children are nobody's: to be called before anybody is signalled. */
  find(): void {
    const all = processes()
    const children = Map.groupBy(all, ({ parent }) => parent)
    const root = all.find(({ processId }) => processId === this.#root)
    this.#rootBegan ??= root?.began
    const queue = this.#living(all).map(({ processId }) => processId)
    // Another process may have its number by now.
    if (root !== undefined && root.began === this.#rootBegan) queue.unshift(root.processId)
    // Each process is in the list once, so this ends.
    for (let at = 0; at < queue.length; at++) {
      for (const child of children.get(queue[at]!) ?? []) {
        if (queue.includes(child.processId)) continue
        queue.push(child.processId)
        this.#known.set(child.processId, child)
      }
    }
  }

  /** Signals all that were found and are still there, but for the root, which is for its parent to signal. */
  signal(name: 'SIGTERM' | 'SIGKILL'): void {
    for (const { processId } of this.#living(processes())) {
      try {
        process.kill(processId, name)
      } catch {
        // It ended meanwhile, or it is another user's, which this one may not stop.
      }
    }
  }

  /** Whether any that was found is still there. */
  isAlive(): boolean {
    return this.#living(processes()).length > 0
  }

  #living(all: readonly Relative[]): readonly Relative[] {
    return all.filter(({ processId, began }) => this.#known.get(processId)?.began === began)
  }
}

/** Between SIGTERM and SIGKILL. */
const graceMs = 10_000
/** How often it is looked whether what a stopped process had started has ended. */
const lookMs = 50

/** Ends a process with all that it started; resolves when they are gone, or were sent what nobody passes over. */
export async function endFamily(child: ChildProcess, clock: Clock): Promise<void> {
  if (child.pid === undefined) return // It was never started.
  const family = new ProcessFamily(child.pid)
  family.find()
  child.kill('SIGTERM')
  family.signal('SIGTERM')
  const isGone = (): boolean => child.exitCode !== null || child.signalCode !== null
  const { signal: never } = new AbortController()
  for (let waitedMs = 0; waitedMs < graceMs; waitedMs += lookMs) {
    await clock.sleep(lookMs, never)
    if (isGone() && !family.isAlive()) return
    family.find() // What they have started since.
  }
  child.kill('SIGKILL')
  family.signal('SIGKILL')
}

/** All that are not dead yet; none where the system does not say. */
function processes(): Relative[] {
  let names: string[]
  try {
    names = readdirSync('/proc')
  } catch {
    return []
  }
  return names.flatMap((name) => (/^\d+$/.test(name) ? (relative(Number(name)) ?? []) : []))
}

function relative(processId: number): Relative | undefined {
  try {
    const stat = readFileSync(`/proc/${processId}/stat`, 'latin1')
    // The second field is the program's name in brackets, which may hold anything.
    const [state, parent, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const began = rest[17]
    if (state === 'Z' || state === 'X' || began === undefined) return undefined
    return { processId, parent: Number(parent), began }
  } catch {
    return undefined // It ended while it was looked at.
  }
}
