import { type Command, Option } from '@commander-js/extra-typings'
import { locationNames } from '../../../model/policy/policy.ts'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Verifies the backups at every location: that all is there that they need, and that the bytes read are what they ' +
      'must be. Each week another quarter of the data has its turn, so that every byte is read within four weeks.',
  )
  addExamples(command, [
    { line: 'verify', does: "the structure, and this week's quarter of the data" },
    { line: 'verify --read-data', does: 'every byte' },
    { line: 'verify --location secondary', does: 'the off-site copy only' },
  ])
  command
    .option('--read-data', 'read every byte')
    .option('--structure-only', 'read no data')
    .addOption(new Option('--location <location>', 'this location only').choices(locationNames))
    .action((options, self) =>
      run(self, async (context) => {
        const { runVerify } = await import('./run-verify.ts')
        return await runVerify(context, options)
      }),
    )
}
