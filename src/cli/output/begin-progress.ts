import type { CommandContext } from '../command-entry.ts'
import { ProgressDisplay } from './progress-display.ts'

/** A display of progress as the options and the terminal ask for it. */
export function beginProgress({ output, world, globals }: CommandContext): ProgressDisplay {
  const columns = world.stderr.isTTY === true ? (world.stderr.columns ?? 80) : undefined
  return new ProgressDisplay({ output, clock: world.clock, columns, perSecond: globals.progressPerSecond })
}
