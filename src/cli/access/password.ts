import { Failure } from '../../base/failure.ts'
import { askPassword } from './ask-password.ts'
import { commandOutput } from './command-output.ts'
import type { GlobalOptions } from '../options/global-options.ts'
import { readTextFile } from './read-text-file.ts'
import type { World } from '../world.ts'

/** Where a password may come from, by restic's rules: the part of the options of every command that says so. */
export type PasswordOptions = Pick<
  GlobalOptions,
  'password' | 'passwordFile' | 'passwordCommand' | 'insecureNoPassword'
>

/**
 * The password that the options and the environment give, or undefined where they give none and the user is to be
 * asked. Failure `usage` where two of them give one.
 */
export async function givenPassword(options: PasswordOptions, signal: AbortSignal): Promise<string | undefined> {
  if (options.passwordFile !== undefined && options.passwordCommand !== undefined) {
    throw new Failure('usage', 'Cannot choose a password: both a password file and a password command are given')
  }
  const given = await readGiven(options, signal)
  if (options.insecureNoPassword) {
    if (given !== undefined && given !== '') {
      throw new Failure(
        'usage',
        'Cannot choose a password: one is given, and --insecure-no-password says there is none',
      )
    }
    return ''
  }
  if (given !== '') return given
  throw new Failure('usage', 'Cannot use the password: it is empty', {
    facts: { hint: 'Add --insecure-no-password where the password of the repository is really empty.' },
  })
}

async function readGiven(options: PasswordOptions, signal: AbortSignal): Promise<string | undefined> {
  if (options.passwordCommand !== undefined) return commandOutput(options.passwordCommand, signal)
  if (options.passwordFile !== undefined)
    return (await readTextFile(options.passwordFile, 'password file', signal)).trim()
  return options.password
}

/** A new password: the one that was given, or one that the user types twice. */
export async function newPassword(options: PasswordOptions, question: string, world: World): Promise<string> {
  const given = await givenPassword(options, world.signal)
  if (given !== undefined) return given
  const first = await askPassword(question, world)
  if (first === '') throw new Failure('usage', 'Cannot use the password: it is empty')
  const second = await askPassword('the same again', world)
  if (first === second) return first
  throw new Failure('usage', 'Cannot use the password: the two that were typed differ')
}
