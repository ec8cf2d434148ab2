import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { throwIfStopped } from '../../base/abort.ts'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import { PolicyFailure } from '../../model/policy/policy-fault.ts'
import type { CommandContext } from '../command-entry.ts'

/** Where a policy is looked for when nobody names one: in the folder of the user, then in that of the machine. */
export const policyFileName = 'zakops-backup.yaml'
export const systemPolicyPath = '/etc/zakops-backup/policy.yaml'
export const policyVariable = 'ZAKOPS_BACKUP_POLICY'

/** A policy is a page or two. */
const policyBytesMax = 1024 * 1024

export interface FoundPolicy {
  /** Absolute. */
  readonly path: string
  readonly text: string
  /** Whether the mode of the file lets others than its owner change it. */
  readonly writableBy: 'owner' | 'others'
}

/**
 * The text of the policy file: that of --policy, else of ZAKOPS_BACKUP_POLICY, else ./zakops-backup.yaml, else
 * /etc/zakops-backup/policy.yaml. Failure `policy_missing` that names every place where it looked; `policy_invalid` for what
 * is no text.
 */
export async function findPolicy({
  world,
  globals,
  signal,
}: Pick<CommandContext, 'world' | 'globals' | 'signal'>): Promise<FoundPolicy> {
  const variable = world.environment[policyVariable] || undefined
  const named = globals.policy ?? variable
  if (named !== undefined) {
    const path = resolve(world.workingDirectory, named)
    const found = await readPolicyFile(path, signal)
    if (found !== undefined) return found
    const by = globals.policy === undefined ? `, which ${policyVariable} names` : ''
    throw new Failure('policy_missing', `Cannot read policy "${path}"${by}: there is no such file`, { facts: { path } })
  }
  const places = [resolve(world.workingDirectory, policyFileName), systemPolicyPath]
  for (const path of places) {
    const found = await readPolicyFile(path, signal)
    if (found !== undefined) return found
  }
  const looked = places.map((path) => `"${path}" is not there`).join(', ')
  throw new Failure(
    'policy_missing',
    `Cannot find a policy: --policy is not given, ${policyVariable} is not set, ${looked}`,
    {
      facts: { hint: '`zakops-backup init` writes one. With -r <place> most commands work on one repository instead.' },
    },
  )
}

/** The policy file at an absolute path, undefined where there is none. */
export async function readPolicyFile(path: string, signal: AbortSignal): Promise<FoundPolicy | undefined> {
  throwIfStopped(signal)
  try {
    await using file = await open(path, 'r')
    const bytes = Buffer.alloc(policyBytesMax + 1)
    let length = 0
    for (;;) {
      const { bytesRead } = await file.read(bytes, length, bytes.length - length)
      throwIfStopped(signal)
      length += bytesRead
      if (bytesRead === 0 || length === bytes.length) break
    }
    if (length > policyBytesMax) throw unreadable(path, `more than ${policyBytesMax} bytes`, 'a page or two')
    const { mode } = await file.stat()
    const writableBy = (mode & 0o022) === 0 ? 'owner' : 'others'
    return { path, text: decoded(path, bytes.subarray(0, length)), writableBy }
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(cause) ?? '')) return undefined
    const found = errorCode(cause) === 'EISDIR' ? 'it is a directory' : 'it can not be read'
    throw new Failure('policy_missing', `Cannot read policy "${path}": ${found}`, { facts: { path }, cause })
  }
}

function decoded(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw unreadable(path, 'bytes that are no text', 'text in UTF-8')
  }
}

function unreadable(path: string, found: string, wanted: string): PolicyFailure {
  return new PolicyFailure(path, [{ line: 1, column: 1, path: '', found, wanted }])
}
