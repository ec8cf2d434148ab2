import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Keeps the policy: backs up, copies off-site, retains and verifies whatever is due, when it is due, until it is ' +
      'stopped by SIGTERM or SIGINT. What was due while the machine slept is done once, late rather than never; what a ' +
      'killed service left unfinished is finished by the next one. It looks every half minute, and takes up a changed ' +
      'policy or key with the next run. One line a run on stderr. packaging/ has a unit for systemd.',
  )
  addExamples(command, [
    { line: '--policy /etc/zakops-backup/policy.yaml serve', does: 'keep a policy' },
    { line: 'serve --json', does: 'the same, with one line of JSON a run' },
  ])
  command.action((_options, self) =>
    run(self, async (context) => {
      const { runServe } = await import('./run-serve.ts')
      return await runServe(context)
    }),
  )
}
