import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { printableName } from '../../../base/byte-name.ts'
import { Failure } from '../../../base/failure.ts'
import { checkPlaces } from '../../../model/policy/check-places.ts'
import type { Environment } from '../../../model/policy/policy.ts'
import { PolicyFailure } from '../../../model/policy/policy-fault.ts'
import { type PolicyDraft, policyTemplate, type SourceDraft } from '../../../model/policy/policy-template.ts'
import { type PolicyDocument, readPolicy } from '../../../model/policy/read-policy.ts'
import { locationsOf, resolvePolicy } from '../../../model/policy/resolve-policy.ts'
import { storagePlace } from '../../../model/policy/storage-place.ts'
import { policyFileName, policyVariable } from '../../access/find-policy.ts'
import { localDisk } from '../../access/local-disk.ts'
import { parsePlace } from '../../../storage/storage-adapter.ts'
import type { CommandContext } from '../../command-entry.ts'
import type { TypedSource } from '../../options/parse-source.ts'
import type { Outcome } from '../../outcome.ts'
import type { World } from '../../world.ts'
import { executeInit, type InitPlan, type InitResult } from './execute-init.ts'
import { askedAnswers, givenAnswers, type InitAnswers } from './init-answers.ts'

export interface InitOptions {
  readonly environment?: Environment | undefined
  readonly primary?: string | undefined
  readonly secondary?: string | undefined
  readonly source?: readonly TypedSource[] | undefined
  readonly keyring?: string | undefined
  readonly keyFile?: string | undefined
  readonly passphraseFile?: string | undefined
  readonly state?: string | undefined
  readonly ownerDevops?: readonly string[] | undefined
  readonly ownerDba?: readonly string[] | undefined
  readonly ownerSecurity?: readonly string[] | undefined
  readonly ownerManagement?: readonly string[] | undefined
  readonly yes?: true | undefined
}

/** Writes a policy and a keyring, and makes the folders of its locations. */
export async function runInit(context: CommandContext, options: InitOptions): Promise<Outcome> {
  const { world, globals, output, signal } = context
  if (options.keyFile !== undefined && options.passphraseFile !== undefined) {
    throw new Failure('usage', 'Cannot choose what opens the keyring: both a key file and a passphrase file are given')
  }
  const named = globals.policy ?? (world.environment[policyVariable] || policyFileName)
  const path = resolve(world.workingDirectory, named)
  const answers = options.yes === true ? givenAnswers(options) : await askedAnswers(options, world)
  const text = policyTemplate(draftOf(answers, options, path, world))
  const { document, warnings } = await checkedPolicy(text, path, world)
  const policy = resolvePolicy(document.policy, dirname(path))
  const { keyring, unlock } = policy.encryption.keyManagement
  const folders = locationsOf(policy).flatMap(({ name, location }) => {
    const place = storagePlace(location.storage)
    return place.adapter === 'local' ? [{ name, path: place.path }] : []
  })
  const plan: InitPlan = { path, text, environment: policy.environment, keyring, unlock, folders }
  const result = await executeInit(plan, world, signal)
  tell(context, { plan, result, warnings })
  for (const warning of warnings) output.notice(`note: ${warning}`)
  return 'done'
}

/** Reads the policy before it is written. What is wrong then stands in the options: there are no lines to point at. */
async function checkedPolicy(
  text: string,
  path: string,
  world: Pick<World, 'storages'>,
): Promise<{ readonly document: PolicyDocument; readonly warnings: readonly string[] }> {
  try {
    const document = readPolicy(text, path)
    const { faults, warnings } = await checkPlaces(document, path, {
      disk: localDisk,
      adapters: Object.keys(world.storages),
    })
    if (faults.length > 0) throw new PolicyFailure(path, faults)
    return { document, warnings }
  } catch (error) {
    if (!(error instanceof PolicyFailure)) throw error
    const lines = error.faults.map(({ path: setting, found, wanted, hint }) => {
      const more = hint === undefined || hint.startsWith('or leave it out') ? '' : ` (${hint})`
      return `\n  ${setting}: found ${found}, expected ${wanted}${more}`
    })
    throw new Failure('usage', `Cannot write policy "${path}": what is given makes no policy${lines.join('')}`)
  }
}

function draftOf(answers: InitAnswers, options: InitOptions, path: string, world: World): PolicyDraft {
  const folder = dirname(path)
  const written = (typed: string): string => pathInPolicy(typed, folder, world)
  const location = (typed: string): string => {
    const place = parsePlace(typed, world.storages)
    return place.adapter === 'local' ? written(place.path) : typed
  }
  const keyring = options.keyring === undefined ? './zakops-keyring/keyring.json' : written(options.keyring)
  const keyFile = options.keyFile === undefined ? join(dirname(keyring), 'zakops-backup.key') : written(options.keyFile)
  const me = [world.username || 'root']
  return {
    environment: answers.environment,
    primary: location(answers.primary),
    secondary: answers.secondary === undefined ? undefined : location(answers.secondary),
    keyring,
    unlock:
      options.passphraseFile === undefined
        ? { keyFile: isAbsolute(keyFile) ? keyFile : `./${keyFile}` }
        : { passphrase: `file:${written(options.passphraseFile)}` },
    responsibilities: {
      devops: options.ownerDevops ?? me,
      dba: options.ownerDba ?? me,
      security: options.ownerSecurity ?? me,
      management: options.ownerManagement ?? me,
    },
    sources: sourceDrafts(answers.sources, written),
    state: options.state === undefined ? './zakops-state' : written(options.state),
  }
}

/** Files that are typed under one name are the paths of one source. */
function sourceDrafts(typed: readonly TypedSource[], written: (typed: string) => string): SourceDraft[] {
  return [...Map.groupBy(typed, ({ name }) => name)].map(([name, some]): SourceDraft => {
    const [first] = some
    const { kind, what } = first!
    if (some.length > 1 && some.some((one) => one.kind !== 'files')) {
      throw new Failure('usage', `Cannot name two sources "${printableName(name)}": only files may share a name`)
    }
    switch (kind) {
      case 'files':
        return { kind, name, paths: some.map((one) => written(one.what)) }
      case 'sqlite':
        return { kind, name, path: written(what) }
      case 'postgresql':
        return { kind, name, url: what }
      default:
        return kind satisfies never
    }
  })
}

/** A typed path as it shall stand in the policy: relative ones stay so below the folder of the policy, where they can. */
function pathInPolicy(typed: string, folder: string, { workingDirectory }: World): string {
  if (!typed.isWellFormed()) {
    throw new Failure('usage', `Cannot write "${printableName(typed)}" into a policy: it is not UTF-8`)
  }
  const absolute = resolve(workingDirectory, typed)
  const below = relative(folder, absolute)
  const isBelow = below !== '..' && !below.startsWith('../') && !isAbsolute(below)
  return isAbsolute(typed) || !isBelow ? absolute : `./${below}`
}

function tell(
  { output }: CommandContext,
  {
    plan,
    result,
    warnings,
  }: { readonly plan: InitPlan; readonly result: InitResult; readonly warnings: readonly string[] },
): void {
  const keyFile = 'keyFile' in plan.unlock ? plan.unlock.keyFile : undefined
  if (output.json) {
    output.document({
      message_type: 'initialized',
      policy: plan.path,
      environment: plan.environment,
      keyring: plan.keyring,
      key_file: keyFile,
      made_folders: result.madeFolders,
      warnings,
    })
    return
  }
  output.line(`wrote policy    ${printableName(plan.path)}`)
  output.line(`wrote keyring   ${printableName(plan.keyring)}`)
  if (keyFile !== undefined) {
    output.line(`${result.keyFile === 'made' ? 'wrote' : 'took '} key file  ${printableName(keyFile)}`)
  }
  for (const folder of result.madeFolders) output.line(`made folder     ${printableName(folder)}`)
  const secret = keyFile === undefined ? 'the passphrase' : 'the key file'
  output.notice(
    `\nThe keyring and ${secret} open every backup: without both nobody can restore anything, and who has both can read\n` +
      'everything. Copy them now to places that are neither this machine nor a location of backups, best apart.\n' +
      'Then: zakops-backup policy show',
  )
}
