import { dirname } from 'node:path'
import { checkPlaces } from '../../model/policy/check-places.ts'
import type { Policy } from '../../model/policy/policy.ts'
import { PolicyFailure } from '../../model/policy/policy-fault.ts'
import { type PolicyDocument, readPolicy } from '../../model/policy/read-policy.ts'
import { resolvePolicy } from '../../model/policy/resolve-policy.ts'
import type { CommandContext } from '../command-entry.ts'
import { findPolicy } from './find-policy.ts'
import { localDisk } from './local-disk.ts'

/** A policy that commands may run under. */
export interface OpenedPolicy {
  /** Absolute path of its file. */
  readonly path: string
  /** The effective policy with all paths absolute. */
  readonly policy: Policy
  /** As it is written, with its digest and text. */
  readonly document: PolicyDocument
  /** What is allowed and not wise, a sentence each. */
  readonly warnings: readonly string[]
}

/**
 * Finds, reads and checks the policy of a command, on the disk too: keys that a symlink leads into the backups are
 * refused. Failures: `policy_missing`, which names every place where it looked; `policy_invalid`, with every fault.
 */
export async function openPolicy(
  context: Pick<CommandContext, 'world' | 'globals' | 'signal' | 'underPolicy'>,
): Promise<OpenedPolicy> {
  const { path, text, writableBy } = await findPolicy(context)
  const document = readPolicy(text, path)
  const machine = { disk: localDisk, adapters: Object.keys(context.world.storages) }
  const { faults, warnings } = await checkPlaces(document, path, machine)
  if (faults.length > 0) throw new PolicyFailure(path, faults)
  const policy = resolvePolicy(document.policy, dirname(path))
  context.underPolicy?.(policy)
  // It names commands that are run, and what is kept.
  const changeable = `others may change the policy: run chmod go-w "${path}"`
  return { path, policy, document, warnings: writableBy === 'others' ? [changeable, ...warnings] : warnings }
}
