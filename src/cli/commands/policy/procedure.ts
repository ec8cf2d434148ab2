import { type Command, Option } from '@commander-js/extra-typings'
import { locationNames } from '../../../model/policy/policy.ts'
import { policyProcedureNames } from '../../../model/procedures/policy-procedures.ts'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'
import { collect } from '../../options/collect.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Runs the restore procedures of the policy document, step by step and in its words. Each step is on disk when it is ' +
      'done: a run that is killed goes on at its step. What is replaced is moved aside, never deleted. Exits 0 when the ' +
      'result is proven, 5 when not.',
  )
  addExamples(command, [
    { line: 'procedure run database-restore --source orders --dry-run', does: 'read what each step would do' },
    { line: 'procedure run database-restore --source orders', does: 'put a database back from its newest backup' },
    {
      line: 'procedure run file-restore --source documents --path /srv/documents/letters',
      does: 'put a folder back from the newest backup that holds it',
    },
    {
      line: "procedure run point-in-time-recovery --source main --to '2026-11-25 14:00' --into /srv/recovered",
      does: 'recover a server to a moment, into a new folder',
    },
    { line: 'procedure run restore-test', does: 'restore a random backup to a test environment, and prove it' },
    {
      line: 'procedure run recovery-drill --into /var/tmp/drill --share share-1.txt --share share-4.txt --share share-5.txt',
      does: 'rehearse the loss of everything',
    },
    { line: 'procedure roll-back run-1a2b3c4d5e6f7081', does: 'undo a run: the old state comes back' },
    { line: 'procedure history', does: 'see every run, and how it ended' },
  ])
  command
    .command('list')
    .summary('list the procedures')
    .action((_, self) => run(self, async (context) => (await import('./show-procedures.ts')).listProcedures(context)))
  command
    .command('show')
    .summary('show the steps of a procedure, or of a run')
    .argument('<name>', 'a procedure, or a run by the beginning of its name')
    .action((name, _, self) =>
      run(self, async (context) => (await import('./show-procedures.ts')).showProcedure(context, name)),
    )
  command
    .command('history')
    .summary('list the runs')
    .action((_, self) => run(self, async (context) => (await import('./show-procedures.ts')).showHistory(context)))
  command
    .command('run')
    .summary('run a procedure')
    .description('Runs a procedure to its end, or to a step that fails; that says what to do then.')
    .addArgument(command.createArgument('<procedure>', 'which one').choices(policyProcedureNames))
    .option('--source <source>', 'name of a source of the policy')
    .option('--backup <backup>', '`latest`, or the beginning of the id of a backup', 'latest')
    .addOption(new Option('--location <location>', 'from this copy only').choices(locationNames))
    .option('--path <path>', 'what file-restore restores: a path or a pattern; may be repeated', collect, [])
    .option(
      '--containing <text>',
      'of these, only files whose content holds this text; without --path of the whole source',
    )
    .option(
      '--sha256 <digest>',
      'of these, only files whose content has this SHA-256; without --path of the whole source',
    )
    .option('--seed <seed>', 'by what restore-test draws a backup; the same seed draws the same')
    .option(
      '--into <folder>',
      'where point-in-time-recovery or recovery-drill works: a folder that is empty or not there',
    )
    .option(
      '--to <target>',
      'the target of point-in-time-recovery, and of database-restore of PostgreSQL: a time, `latest`, an LSN, a restore point, a transaction',
    )
    .option('--timeline <timeline>', 'which timeline leads to the target', 'latest')
    .option('--owner <user>', 'user that a recovered server runs as')
    .option('--tablespace-map <old=new>', 'where a tablespace is recovered to; may be repeated', collect, [])
    .option('--promote', 'end point-in-time-recovery with a server that can be written to')
    .option('--share <file>', 'a share of the recovery kit for recovery-drill; may be repeated', collect, [])
    .option('--keyring-export <file>', 'an export of the keyring for recovery-drill, in place of shares')
    .option('--keep', 'leave what recovery-drill restored, even where production has it still')
    .option('--confirm', 'say yes to the steps that the policy asks a person about; it goes on record')
    .option('--dry-run', 'say what each step would do, and do nothing')
    .action((procedure, options, self) =>
      run(self, async (context) => (await import('./run-procedure.ts')).runProcedure(context, procedure, options)),
    )
  command
    .command('resume')
    .summary('go on with a run that was killed, stopped, or had a step fail')
    .argument('<run>', 'the run, by the beginning of its name')
    .option('--confirm', 'say yes to the steps that the policy asks a person about; it goes on record')
    .action((name, options, self) =>
      run(self, async (context) => (await import('./run-procedure.ts')).resumeRun(context, name, options)),
    )
  command
    .command('roll-back')
    .summary('put back what was there before a run, and start the services')
    .argument('<run>', 'the run, by the beginning of its name')
    .option('--dry-run', 'say what would be done, and do nothing')
    .action((name, options, self) =>
      run(self, async (context) => (await import('./run-procedure.ts')).rollBackRun(context, name, options)),
    )
  command
    .command('drill-lessons')
    .summary('write what was learned from a drill, which closes it')
    .argument('<run>', 'the drill, by the beginning of its name')
    .requiredOption('--text <text>', 'what was learned')
    .action((name, { text }, self) =>
      run(self, async (context) => (await import('./run-procedure.ts')).writeLessons(context, name, text)),
    )
}
