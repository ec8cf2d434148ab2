import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { canonicalJson } from '../../base/canonical-json.ts'
import { placeFaults } from './place-rules.ts'
import { type Policy, policySchema } from './policy.ts'
import { readPolicyData } from './policy-data.ts'
import { faultsMax, type PolicyFault, PolicyFailure, type UnplacedFault } from './policy-fault.ts'
import { ruleFaults } from './policy-rules.ts'
import { type PolicyText, readPolicyText } from './policy-text.ts'
import { shapeFaults } from './shape-faults.ts'
import { resolvedPlace } from './storage-place.ts'

/** A policy with the text that it was read from. */
export interface PolicyDocument {
  /** The effective policy; paths are as they are written: resolvePolicy(). */
  readonly policy: Policy
  /** SHA-256 of the effective policy, hex: two files that say the same have the same, whatever their form. */
  readonly digest: string
  readonly text: string
}

/**
 * Reads the text of a policy file. Failure `policy_invalid`, a PolicyFailure with every fault at once in the order of the
 * text. `fileName` is the file's absolute path: relative paths in it start from its folder. Touches no disk.
 */
export function readPolicy(text: string, fileName: string): PolicyDocument {
  const read = readPolicyText(text)
  const found = read.data === undefined ? [] : faultsOf(read.data, posix.dirname(fileName))
  requireNone(fileName, read, found)
  const policy = policySchema.parse(read.data)
  return { policy, digest: policyDigest(policy), text }
}

/**
 * The policy of a text that was in force once, as the catalog keeps it. The rules held when it was taken, where its file
 * lay then, and are not asked again: a policy that was moved must not pass for one that can not be read. Failure
 * `policy_invalid` where it is not of the shape that this program knows.
 */
export function readRecordedPolicy(text: string, fileName: string): Policy {
  const read = readPolicyText(text)
  const found = read.data === undefined ? [] : shapeFaults(read.data)
  requireNone(fileName, read, found)
  return policySchema.parse(read.data)
}

/** SHA-256 of an effective policy, hex. */
export function policyDigest(policy: Policy): string {
  return createHash('sha256').update(canonicalJson(policy)).digest('hex')
}

function faultsOf(data: unknown, folder: string): UnplacedFault[] {
  if (data === null) {
    const hint = '`zakops-backup init` writes one'
    return [{ at: [], point: 'value', found: 'an empty file', wanted: 'a policy', hint }]
  }
  const readable = readPolicyData(data)
  const places = placeFaults(readable, (place) => resolvedPlace(place, folder))
  return [...shapeFaults(data), ...ruleFaults(readable), ...places]
}

function requireNone(fileName: string, read: PolicyText, found: readonly UnplacedFault[]): void {
  const placed = found.slice(0, faultsMax).map((fault) => read.place(fault))
  const faults = [...read.faults, ...placed].slice(0, faultsMax).toSorted(inOrder)
  if (faults.length > 0) throw new PolicyFailure(fileName, faults)
}

function inOrder(a: PolicyFault, b: PolicyFault): number {
  return a.line - b.line || a.column - b.column
}
