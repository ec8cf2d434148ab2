import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../../command-entry.ts'
import { addExamples } from '../../help/examples.ts'
import { collect } from '../../options/collect.ts'

export function define(command: Command, run: RunCommand): void {
  command.description(
    'Everything that is done under the policy goes into a ledger that is only added to: hash-chained, and signed each day ' +
      'by a key of the keyring. An export of it can be verified by anybody who has the public key.',
  )
  addExamples(command, [
    { line: 'evidence export --to ledger.jsonl', does: 'write the whole ledger, signed up to its end' },
    {
      line: 'evidence public-key > evidence.pem',
      does: 'what an auditor verifies it with; hand it over once, in person',
    },
    { line: 'evidence verify ledger.jsonl --public-key evidence.pem', does: 'verify it, on any machine' },
    {
      line: "evidence acknowledge --reason 'state folder restored from the copy of 1 March after the disk failed'",
      does: 'put on record why an alarm about the evidence is none',
    },
    { line: 'evidence report --month 2026-11 --to november.html', does: 'a page that an auditor can read' },
  ])
  command
    .command('export')
    .summary('write the ledger to a file')
    .description(
      'Writes the whole ledger as JSON Lines: a header, the entries, the signed heads. Signs it up to its end first, and ' +
        'puts the heads at every location that can be reached.',
    )
    .requiredOption('--to <file>', 'file that is not there yet')
    .action((options, self) =>
      run(self, async (context) => (await import('./run-evidence.ts')).runEvidenceExport(context, options)),
    )
  command
    .command('public-key')
    .summary('print the public key that evidence is verified with')
    .description('Prints the public keys as PEM, the one that signs now last. Old ones verify what they signed.')
    .action((_, self) =>
      run(self, async (context) => (await import('./run-evidence.ts')).runEvidencePublicKey(context)),
    )
  command
    .command('verify')
    .summary('verify an export')
    .description(
      'Verifies an export of the ledger with public keys only: no policy, no keyring, no catalog. Names the first entry that ' +
        'is not as it was written, and why. With --heads, or under a policy that is named by --policy, it also ' +
        'compares the export with the signed heads at the locations, which tell an older export from a whole one. ' +
        'Exits 0 where all is proven, else 5.',
    )
    .argument('<file>', 'the export')
    .requiredOption('--public-key <file>', 'the public keys, PEM')
    .option(
      '--heads <place>',
      'where signed heads lie: <location>/<environment>/evidence; may be repeated',
      collect,
      [],
    )
    .action((file, options, self) =>
      run(self, async (context) =>
        (await import('./run-evidence-verify.ts')).runEvidenceVerify(context, file, options),
      ),
    )
  command
    .command('acknowledge')
    .summary('say why an alarm about the evidence is none')
    .description(
      'Puts on record why the alarms about the evidence that are open are so: signed heads that were removed from a location, or that ' +
        'lie there and are not in the catalog, as after it was brought back from an older copy. Looks at all locations first. The ' +
        'reason is signed at once; the alarms stay in the ledger, in its exports and in reports. A ledger that was ' +
        'changed can not be acknowledged.',
    )
    .requiredOption('--reason <text>', 'why it is so, for whoever reads the evidence later')
    .action((options, self) =>
      run(self, async (context) =>
        (await import('./run-evidence-acknowledge.ts')).runEvidenceAcknowledge(context, options),
      ),
    )
  command
    .command('report')
    .summary('write a report that an auditor can read')
    .description(
      'Writes one HTML file that needs nothing else: the policy clause by clause, charts of each source, restore tests, drills, ' +
        'signatures, and the controls of ISO 27001, SOC 2 and NIST SP 800-34 that the clauses answer to. Verifies the ledger ' +
        'first; exits 5 where it is not as it was recorded, and the report says so.',
    )
    .option('--month <month>', 'a month, such as 2026-11, UTC')
    .option('--year <year>', 'a year')
    .option('--drill <run>', 'a recovery drill, by the id of its run')
    .requiredOption('--to <file>', 'file that is not there yet')
    .option('--pdf', 'print it to a PDF beside it, by an installed Chromium')
    .action((options, self) =>
      run(self, async (context) => (await import('./run-evidence-report.ts')).runEvidenceReport(context, options)),
    )
}
