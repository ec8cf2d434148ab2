import { availableParallelism } from 'node:os'

/**
 * Threads that a command may have. Each takes some 20 MiB and loads the libraries of src/posix/ for itself, which gets
 * slower with each: on 2 cores a small backup took 7 seconds with 64 of them, and 29 with 128.
 */
export const workersMax = 64

/** One thread for each core, where `cores` is not given of this machine. */
export function workersOfCores(cores: number = availableParallelism()): number {
  return Math.min(cores, workersMax)
}
