import { Failure } from '../base/failure.ts'
import { policyVariable } from './access/find-policy.ts'

/**
 * Some commands exist twice under one name: `policy`, what a policy says for all its sources and locations; `plumbing`,
 * for one repository in restic's words.
 */
export const commandForms = ['policy', 'plumbing'] as const
export type CommandForm = (typeof commandForms)[number]

/**
 * The form that a command line means. What is typed wins over the environment, and the policy's variable over restic's;
 * where nothing says anything it is the policy. `init` makes things, so restic's variables mean its plumbing form only
 * where no option of the policy's form is given. Failure `usage` where both are typed.
 */
export function chooseForm(options: {
  readonly name: string
  /** Options that are given on the command line, by their long names. */
  readonly given: ReadonlySet<string>
  /** Options that only the policy's form takes. */
  readonly ofPolicyOnly: ReadonlySet<string>
  readonly environment: Readonly<Record<string, string | undefined>>
}): CommandForm {
  const { name, given, ofPolicyOnly, environment } = options
  const hasPlace = given.has('--repo') || given.has('--repository-file')
  const hasPolicy = given.has('--policy')
  if (hasPlace && hasPolicy) {
    throw new Failure('usage', `Cannot ${name}: both a policy and a repository are given`, {
      facts: { hint: 'With --policy the policy says where the repositories are; with -r there is no policy.' },
    })
  }
  if (hasPlace) return 'plumbing'
  if (hasPolicy || (environment[policyVariable] ?? '') !== '') return 'policy'
  if (name === 'init' && [...given].some((flag) => ofPolicyOnly.has(flag))) return 'policy'
  const isResticSet = ['RESTIC_REPOSITORY', 'RESTIC_REPOSITORY_FILE'].some((one) => (environment[one] ?? '') !== '')
  return isResticSet ? 'plumbing' : 'policy'
}

/** How the other form is reached, for the help of each. */
export function otherFormHint(name: string, form: CommandForm): string {
  return form === 'policy'
    ? `This is \`${name}\` under a policy. For one repository, in restic's words: \`zakops-backup -r <place> ${name} --help\`.`
    : `This is \`${name}\` for one repository. Under a policy: \`zakops-backup --policy <file> ${name} --help\`.`
}
