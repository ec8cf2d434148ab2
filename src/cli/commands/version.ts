import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../command-entry.ts'

export function define(command: Command, run: RunCommand): void {
  command.action((_, self) =>
    run(self, async ({ world, output }) => {
      if (output.json) output.document({ message_type: 'version', version: world.version })
      else output.line(`zakops-backup ${world.version}, Node ${process.version}, ${process.platform} ${process.arch}`)
      return 'done'
    }),
  )
}
