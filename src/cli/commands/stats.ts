import type { Command } from '@commander-js/extra-typings'
import { Failure } from '../../base/failure.ts'
import type { RunCommand } from '../command-entry.ts'

export function define(command: Command, run: RunCommand): void {
  command.action((_, self) =>
    run(self, async () => {
      throw new Failure('unsupported', `Cannot run "${self.name()}": this checkout does not contain it yet`)
    }),
  )
}
