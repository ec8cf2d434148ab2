import { type CommandUnknownOpts, InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { Failure } from '../../base/failure.ts'
import type { Verbosity } from '../output/output.ts'
import { parseCount } from './parse-count.ts'
import { parseDuration } from './parse-duration.ts'

export const compressions = ['auto', 'max', 'off'] as const
export type Compression = (typeof compressions)[number]

/** The options that every command takes, after the environment filled in what was not given. */
export interface GlobalOptions {
  /** The policy file as --policy names it; the environment and the usual places are findPolicy()'s. */
  readonly policy: string | undefined
  /** Why a policy that promises less than the one before it is accepted. */
  readonly acceptWeaker: string | undefined
  readonly repo: string | undefined
  readonly repositoryFile: string | undefined
  readonly passwordFile: string | undefined
  readonly passwordCommand: string | undefined
  readonly password: string | undefined
  readonly insecureNoPassword: boolean
  readonly keyHint: string | undefined
  readonly masterKeyFile: string | undefined
  readonly json: boolean
  readonly verbosity: Verbosity
  readonly lock: boolean
  readonly retryLockMs: number
  /** KiB a second; 0 is no limit. */
  readonly limitUpload: number
  readonly limitDownload: number
  readonly compression: Compression
  /** MiB; undefined leaves it to the repository. */
  readonly packSize: number | undefined
  /** Reports a second, from RESTIC_PROGRESS_FPS. */
  readonly progressPerSecond: number | undefined
}

export const globalOptionGroup = 'Options of every command:'

/** What commander keeps of the options below, by their names in camel case. */
interface Given {
  policy?: string
  acceptWeaker?: string
  repo?: string
  repositoryFile?: string
  passwordFile?: string
  passwordCommand?: string
  insecureNoPassword?: boolean
  keyHint?: string
  masterKeyFile?: string
  json?: boolean
  quiet?: boolean
  verbose?: number
  lock?: boolean
  retryLock?: number
  limitUpload?: number
  limitDownload?: number
  compression?: Compression
  packSize?: number
}

/** Adds the options of every command. They are restic's, so they may stand before and after the command's name. */
export function addGlobalOptions(command: CommandUnknownOpts): void {
  const options = [
    new Option(
      '--policy <file>',
      'policy (or $ZAKOPS_BACKUP_POLICY, ./zakops-backup.yaml, /etc/zakops-backup/policy.yaml)',
    ),
    new Option(
      '--accept-weaker <reason>',
      'accept a policy that promises less than the last one; the reason goes on record',
    ),
    new Option('-r, --repo <place>', 'repository: a folder, or <adapter>:<place> (or $RESTIC_REPOSITORY)'),
    new Option('--repository-file <file>', 'file that holds the place of the repository (or $RESTIC_REPOSITORY_FILE)'),
    new Option('-p, --password-file <file>', 'file that holds the password (or $RESTIC_PASSWORD_FILE)'),
    new Option('--password-command <command>', 'command that prints the password (or $RESTIC_PASSWORD_COMMAND)'),
    new Option('--insecure-no-password', 'the password of the repository is empty'),
    new Option('--key-hint <key>', 'id of the key to try first (or $RESTIC_KEY_HINT)'),
    new Option('--master-key-file <file>', 'master key, as `restic cat masterkey` prints it, in place of a password'),
    new Option('--json', 'print JSON, one document a line'),
    new Option('-q, --quiet', 'print results and problems only').conflicts('verbose'),
    new Option('-v, --verbose', 'tell more; twice tells everything').argParser(increase),
    new Option('--no-lock', 'take no lock: for reading from a repository that can not be written'),
    new Option('--retry-lock <duration>', 'wait so long for a locked repository (90s, 5m, 2h)').argParser(
      parseDuration,
    ),
    new Option('--limit-upload <rate>', 'write at most so many KiB a second').argParser(parseCount),
    new Option('--limit-download <rate>', 'read at most so many KiB a second').argParser(parseCount),
    new Option('--compression <mode>', 'how hard to compress (or $RESTIC_COMPRESSION)').choices(compressions),
    new Option('--pack-size <size>', 'size of packs in MiB, 4 to 128 (or $RESTIC_PACK_SIZE)').argParser(parsePackSize),
  ]
  for (const option of options) command.addOption(option.helpGroup(globalOptionGroup))
}

/** The options of every command as given before and after the command's name, and by the environment. The later wins. */
export function readGlobalOptions(
  command: CommandUnknownOpts,
  environment: Readonly<Record<string, string | undefined>>,
): GlobalOptions {
  const given: Given = {}
  let verbose = 0
  const line: CommandUnknownOpts[] = []
  for (let next: CommandUnknownOpts | null = command; next !== null; next = next.parent) line.unshift(next)
  for (const one of line) {
    const values = Object.entries(one.opts()).filter(([name]) => one.getOptionValueSource(name) === 'cli')
    Object.assign(given, Object.fromEntries(values))
    if (one.getOptionValueSource('verbose') === 'cli') verbose += Number(one.getOptionValue('verbose'))
  }
  const variable = (name: string): string | undefined => environment[name] || undefined
  const hasPlace = given.repo !== undefined || given.repositoryFile !== undefined
  const hasPassword = given.passwordFile !== undefined || given.passwordCommand !== undefined
  return {
    policy: given.policy,
    acceptWeaker: given.acceptWeaker,
    repo: hasPlace ? given.repo : variable('RESTIC_REPOSITORY'),
    repositoryFile: hasPlace ? given.repositoryFile : variable('RESTIC_REPOSITORY_FILE'),
    passwordFile: hasPassword ? given.passwordFile : variable('RESTIC_PASSWORD_FILE'),
    passwordCommand: hasPassword ? given.passwordCommand : variable('RESTIC_PASSWORD_COMMAND'),
    password: hasPassword ? undefined : variable('RESTIC_PASSWORD'),
    insecureNoPassword: given.insecureNoPassword ?? false,
    keyHint: given.keyHint ?? variable('RESTIC_KEY_HINT'),
    masterKeyFile: given.masterKeyFile,
    json: given.json ?? false,
    verbosity: given.quiet === true ? 'quiet' : verbose === 0 ? 'normal' : verbose === 1 ? 'verbose' : 'everything',
    lock: given.lock ?? true,
    retryLockMs: given.retryLock ?? 0,
    limitUpload: given.limitUpload ?? 0,
    limitDownload: given.limitDownload ?? 0,
    compression: given.compression ?? fromEnvironment('RESTIC_COMPRESSION', parseCompression, environment) ?? 'auto',
    packSize: given.packSize ?? fromEnvironment('RESTIC_PACK_SIZE', parsePackSize, environment),
    progressPerSecond: fromEnvironment('RESTIC_PROGRESS_FPS', parseRate, environment),
  }
}

function increase(_value: string, before: unknown): number {
  return (typeof before === 'number' ? before : 0) + 1
}

function parseCompression(text: string): Compression {
  const compression = compressions.find((one) => one === text)
  if (compression !== undefined) return compression
  throw new InvalidArgumentError(`Expected one of ${compressions.join(', ')}.`)
}

function parsePackSize(text: string): number {
  const size = parseCount(text)
  if (size >= 4 && size <= 128) return size
  throw new InvalidArgumentError('Expected MiB from 4 to 128.')
}

function parseRate(text: string): number {
  const rate = Number(text)
  if (rate > 0 && rate <= 60) return rate
  throw new InvalidArgumentError('Expected a number of reports a second, up to 60.')
}

function fromEnvironment<Value>(
  name: string,
  parse: (text: string) => Value,
  environment: Readonly<Record<string, string | undefined>>,
): Value | undefined {
  const text = environment[name]
  if (text === undefined || text === '') return undefined
  try {
    return parse(text)
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error
    throw new Failure('usage', `Cannot use ${name} of the environment: it is "${text}"`, {
      facts: { hint: error.message },
    })
  }
}
