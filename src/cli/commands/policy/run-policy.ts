import { resolve } from 'node:path'
import { Failure } from '../../../base/failure.ts'
import { describeDue, describePolicy } from '../../../model/policy/describe-policy.ts'
import { diffPolicies } from '../../../model/policy/diff-policies.ts'
import { type DueTime, dueTimes } from '../../../model/policy/due-times.ts'
import { policyJsonSchema } from '../../../model/policy/policy-json-schema.ts'
import { weekdays } from '../../../model/policy/policy.ts'
import { readPolicy } from '../../../model/policy/read-policy.ts'
import { printableName } from '../../../base/byte-name.ts'
import { findPolicy, readPolicyFile } from '../../access/find-policy.ts'
import { openPolicy } from '../../access/open-policy.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { Outcome } from '../../outcome.ts'
import { formatCount } from '../../output/format-count.ts'
import { wrappedText } from '../../output/wrapped-text.ts'

/** How many due times are shown. */
const dueShown = 10

const lineWidth = 80

/** Every fault comes as the Failure of openPolicy(); what is left to tell is that there is none. */
export async function runCheckPolicy(context: CommandContext): Promise<Outcome> {
  const { output } = context
  const { path, policy, document, warnings } = await openPolicy(context)
  const { digest } = document
  const { environment } = policy
  const sources = Object.keys(policy.sources)
  if (output.json) output.document({ message_type: 'policy_check', path, digest, environment, sources, warnings })
  else {
    output.line(`${printableName(path)} has no fault: ${environment}, ${formatCount(sources.length, 'source')}`)
    for (const warning of warnings) output.notice(`note: ${warning}`)
  }
  return 'done'
}

/** The effective policy in words, and what is due next. */
export async function runShowPolicy(context: CommandContext): Promise<Outcome> {
  const { output, world } = context
  const { path, policy, document } = await openPolicy(context)
  const due = dueTimes(policy, world.clock.now(), dueShown)
  if (output.json) {
    output.document({ message_type: 'policy', path, digest: document.digest, policy, due })
    return 'done'
  }
  output.line(`Policy of ${policy.environment}, ${printableName(path)}`)
  output.line(`Digest ${document.digest}`)
  const sections = [
    ...describePolicy(policy),
    { title: `Next ${due.length} due times`, rows: due.map((one) => ({ name: dueText(one), text: describeDue(one) })) },
  ]
  const nameWidth = Math.max(...sections.flatMap(({ rows }) => rows.map(({ name }) => name.length)))
  for (const { title, rows } of sections) {
    output.line(`\n${title}`)
    for (const { name, text } of rows) {
      const lines = wrappedText(printableName(text), lineWidth - nameWidth - 4)
      for (const [at, line] of lines.entries()) output.line(`  ${(at === 0 ? name : '').padEnd(nameWidth)}  ${line}`)
    }
  }
  return 'done'
}

/** What changed since another policy file. Its paths and those of the policy are compared as they are written. */
export async function runDiffPolicy(context: CommandContext, older: string): Promise<Outcome> {
  const { output, world, signal } = context
  const olderPath = resolve(world.workingDirectory, older)
  const olderFile = await readPolicyFile(olderPath, signal)
  if (olderFile === undefined) {
    throw new Failure('policy_missing', `Cannot read policy "${olderPath}": there is no such file`)
  }
  const before = readPolicy(olderFile.text, olderPath).policy
  const { path, text } = await findPolicy(context)
  const changes = diffPolicies(before, readPolicy(text, path).policy)
  const weakenings = changes.filter(({ weakens }) => weakens).length
  if (output.json) {
    output.document({ message_type: 'policy_diff', path, older: olderPath, weakens: weakenings > 0, changes })
    return 'done'
  }
  for (const { text: words, weakens } of changes) {
    const [first, ...rest] = wrappedText(printableName(words), lineWidth - 8)
    output.line(`${weakens ? 'weaker' : '      '}  ${first}`)
    for (const line of rest) output.line(`        ${line}`)
  }
  if (changes.length === 0) output.line('the policies say the same')
  else {
    const verdict = weakenings === 0 ? 'none weakens the policy' : `${weakenings} of them weaken the policy`
    output.line(
      `${formatCount(changes.length, 'change')}, ${weakenings === 1 ? 'one of them weakens the policy' : verdict}`,
    )
  }
  return 'done'
}

/** The JSON Schema of the policy file, for editors. */
export function printPolicySchema({ output }: CommandContext): Outcome {
  const schema = policyJsonSchema()
  if (output.json) output.document(schema)
  else output.line(JSON.stringify(schema, undefined, 2))
  return 'done'
}

/** "Sun 2026-11-29 02:00 UTC" */
function dueText({ at }: DueTime): string {
  const day = weekdays[at.getUTCDay()]!.slice(0, 3)
  const iso = at.toISOString()
  return `${day[0]!.toUpperCase()}${day.slice(1)} ${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`
}
