import { spawn } from 'node:child_process'
import { openSync, readFileSync, closeSync } from 'node:fs'

/** What one run of a program took. */
export interface Measurement {
  /** From start to end by the clock on the wall, seconds. */
  readonly wallSeconds: number
  /** Processor time of all its threads, user and system, seconds. */
  readonly cpuSeconds: number
  /** The most memory it held at once (resident set), bytes. */
  readonly peakBytes: number
}

/**
 * Runs a program to its end and measures it, without help of tools that a machine may lack. Processor time is what the
 * kernel adds to this process's count of ended children, so nothing else may be started meanwhile. Peak memory is
 * VmHWM, which only grows; it is read every few milliseconds, and what grows within the last of them is missed.
 * Error with the end of what the program said where it ends otherwise than with one of `codes`, which is 0.
 */
export async function measure(
  program: string,
  words: readonly string[],
  options: {
    readonly cwd?: string
    readonly environment: Readonly<Record<string, string>>
    readonly log: string
    readonly codes?: readonly number[]
  },
): Promise<Measurement> {
  const log = openSync(options.log, 'w')
  const cpuBefore = childrenCpuSeconds()
  const begin = performance.now()
  const child = spawn(program, words, {
    cwd: options.cwd,
    env: { ...process.env, ...options.environment },
    stdio: ['ignore', log, log],
  })
  let peakBytes = 0
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, highWaterBytes(child.pid))
  }, 10)
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', resolve)
  })
  const wallSeconds = (performance.now() - begin) / 1000
  clearInterval(timer)
  closeSync(log)
  const { codes = [0] } = options
  if (code === null || !codes.includes(code)) {
    const said = readFileSync(options.log, 'utf8').slice(-2000)
    throw new Error(`"${[program, ...words].join(' ')}" ended with ${code}, expected ${codes.join(' or ')}\n${said}`)
  }
  return { wallSeconds, cpuSeconds: childrenCpuSeconds() - cpuBefore, peakBytes }
}

export const ticksPerSecond = 100 // USER_HZ, which is 100 on every Linux that Node runs on.

/** cutime and cstime of this process. */
export function childrenCpuSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[13]) + Number(fields[14])) / ticksPerSecond
}

/** 0 where the process is gone or has not begun. */
function highWaterBytes(pid: number | undefined): number {
  try {
    const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(kibibytes ?? 0) * 1024
  } catch {
    return 0
  }
}

/** The middle one of each figure by itself; of an even count the mean of the middle two. */
export function medians(measurements: readonly Measurement[]): Measurement {
  return {
    wallSeconds: middle(measurements.map((one) => one.wallSeconds)),
    cpuSeconds: middle(measurements.map((one) => one.cpuSeconds)),
    peakBytes: middle(measurements.map((one) => one.peakBytes)),
  }
}

/** The median; between the two in the middle of an even number of figures. */
export function middle(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b)
  const half = sorted.length / 2
  return (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2
}
