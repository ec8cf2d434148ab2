import { availableParallelism } from 'node:os'

/**
 * Threads that a command may have. Each takes some 20 MiB and loads the libraries of src/posix/ for itself, which gets
 * slower with each: 64 start in 7 seconds, 128 in 29, and 256 did not start at all.
 */
export const workersMax = 64

/** One thread for each core, where `cores` is not given of this machine. */
export function workersOfCores(cores: number = availableParallelism()): number {
  return Math.min(cores, workersMax)
}
