import { Command } from '@commander-js/extra-typings'
import type { CommandContext } from '../src/cli/command-entry.ts'
import { addGlobalOptions, readGlobalOptions } from '../src/cli/options/global-options.ts'
import { Output } from '../src/cli/output/output.ts'
import type { World } from '../src/cli/world.ts'
import { fakeWorld } from './fake-world.ts'

/** What a command works with that was given no options. */
export function commandContext(changes: Partial<World>): CommandContext {
  const world = fakeWorld(changes)
  const command = new Command('test')
  addGlobalOptions(command)
  const globals = readGlobalOptions(command, world.environment)
  const output = new Output({ stdout: world.stdout, stderr: world.stderr, json: false, verbosity: 'normal' })
  return { world, globals, output, signal: world.signal }
}
