import { type Command, Option } from '@commander-js/extra-typings'
import type { RunCommand } from '../command-entry.ts'
import { addExamples } from '../help/examples.ts'
import { parseWorkers } from '../options/parse-count.ts'
import { parseParts, parseReadChoice } from '../options/parse-read-choice.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Looks for damage: that every key, index and snapshot is intact, every pack is there, and everything that a ' +
      'snapshot names is known. With --read-data every stored byte is read and compared with its hash and its seal. ' +
      'The exit code is 5 where something is damaged.',
  )
  addExamples(command, [
    { line: '-r /srv/backup check', does: 'check the structure' },
    { line: '-r /srv/backup check --read-data', does: 'read everything' },
    { line: '-r /srv/backup check --read-data-rotate 7', does: 'run every day: a seventh each, all in a week' },
    { line: '-r /srv/backup check --mirror /mnt/second/backup', does: 'also find what only the second copy has' },
  ])
  command
    .option('--read-data', 'read all packs')
    .addOption(
      new Option('--read-data-subset <subset>', 'read a part: 2/7, or by chance 10% or 500M')
        .argParser(parseReadChoice)
        .conflicts('readData'),
    )
    .addOption(
      new Option(
        '--read-data-rotate <parts>',
        'read the part whose turn it is today, so that all are read in <parts> days',
      )
        .argParser(parseParts)
        .conflicts(['readData', 'readDataSubset']),
    )
    .option('--mirror <place>', 'another copy, to find objects that are gone here')
    .option('--workers <count>', 'number of threads (else one for each core)', parseWorkers)
    .action((options, self) =>
      run(self, async (context) => {
        const { runCheck } = await import('./run-check.ts')
        return await runCheck(context, options)
      }),
    )
}
