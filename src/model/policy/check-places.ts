import { posix } from 'node:path'
import { printableName } from '../../base/byte-name.ts'
import { placeFaults } from './place-rules.ts'
import { type PolicyData, readPolicyData } from './policy-data.ts'
import type { Policy } from './policy.ts'
import { quotedText } from './found-value.ts'
import type { PolicyFault, UnplacedFault } from './policy-fault.ts'
import { readPolicyText } from './policy-text.ts'
import { resolvePolicy, locationsOf } from './resolve-policy.ts'
import type { PolicyDocument } from './read-policy.ts'
import { resolvedPlace, storagePlace, type StoragePlace } from './storage-place.ts'

/** What the checks ask of a disk. */
export interface DiskProbe {
  /** The path with every symlink followed. What is not there yet hangs below the nearest folder that is. */
  realPath(path: string): Promise<string>
  /** The device that a path lies on, or would. */
  device(path: string): Promise<bigint>
  /** What is there, behind symlinks: `denied` where this user may not look. */
  look(path: string): Promise<'folder' | 'file' | 'other' | 'absent' | 'denied'>
}

/**
 * What only the machine can tell about a policy that readPolicy() took: `faults`, places that lie in each other by
 * symlinks, and storages that the program has no adapter for; `warnings`, sentences about what one device holds together, and about sources that are not
 * there: they may come, so the policy stands, but until then no backup of them succeeds.
 */
export async function checkPlaces(
  document: PolicyDocument,
  fileName: string,
  { disk, adapters }: { readonly disk: DiskProbe; readonly adapters: readonly string[] },
): Promise<{ readonly faults: readonly PolicyFault[]; readonly warnings: readonly string[] }> {
  const folder = posix.dirname(fileName)
  const text = readPolicyText(document.text)
  const data = readPolicyData(text.data)
  const real = await realPaths(data, folder, disk)
  const found = placeFaults(data, (place) => {
    const { adapter, path } = resolvedPlace(place, folder)
    return { adapter, path: adapter === 'local' ? real.get(path)! : path }
  }).map((fault) => ({ ...fault, hint: fault.hint ?? 'symlinks lead there' }))
  return {
    faults: [...adapterFaults(document.policy, adapters), ...found].map((fault) => text.place(fault)),
    warnings: [
      ...(await deviceWarnings(document, folder, disk)),
      ...(await sourceWarnings(document.policy, folder, disk)),
    ],
  }
}

/** Storages of this environment that the program can not open. */
function adapterFaults(policy: Policy, adapters: readonly string[]): UnplacedFault[] {
  return locationsOf(policy).flatMap(({ name, location: { storage } }): UnplacedFault[] => {
    const { adapter } = storagePlace(storage)
    if (adapters.includes(adapter)) return []
    return [
      {
        at: ['locations', policy.environment, name, 'storage'],
        point: 'value',
        found: quotedText(storage),
        wanted: `a folder, or a place of one of ${adapters.map((one) => `"${one}:"`).join(', ')}`,
        hint: `a folder of this name is written "./${adapter}:…"`,
      },
    ]
  })
}

/** Every place of this machine that the rules ask for, by its absolute path. */
async function realPaths(data: PolicyData, folder: string, disk: DiskProbe): Promise<Map<string, string>> {
  const paths = new Set<string>()
  placeFaults(data, (place): StoragePlace => {
    const resolved = resolvedPlace(place, folder)
    if (resolved.adapter === 'local') paths.add(resolved.path)
    return resolved
  })
  const real = new Map<string, string>()
  for (const path of paths) real.set(path, await disk.realPath(path))
  return real
}

async function deviceWarnings(document: PolicyDocument, folder: string, disk: DiskProbe): Promise<string[]> {
  const policy = resolvePolicy(document.policy, folder)
  const keyringDevice = await disk.device(policy.encryption.keyManagement.keyring)
  const devices = new Map<string, bigint>()
  const warnings: string[] = []
  for (const { name, location } of locationsOf(policy)) {
    const { adapter, path } = storagePlace(location.storage)
    if (adapter !== 'local') continue
    const device = await disk.device(path)
    devices.set(name, device)
    if (device === keyringDevice) {
      warnings.push(`the ${name} location and the keyring are on one device: who takes it has both`)
    }
  }
  if (devices.has('secondary') && devices.get('primary') === devices.get('secondary')) {
    warnings.push('the primary and the secondary location are on one device: its loss takes both copies')
  }
  return warnings
}

async function sourceWarnings(policy: Policy, folder: string, disk: DiskProbe): Promise<string[]> {
  const warnings: string[] = []
  for (const [name, source] of Object.entries(resolvePolicy(policy, folder).sources)) {
    if (source.kind === 'postgresql') continue // Only its server can tell.
    const paths = source.kind === 'files' ? source.paths : [source.path]
    for (const path of paths) {
      const trouble = sourceTrouble(source.kind, await disk.look(path))
      if (trouble !== undefined) warnings.push(`source "${name}": "${printableName(path)}" ${trouble}`)
    }
  }
  return warnings
}

function sourceTrouble(kind: 'files' | 'sqlite', found: Awaited<ReturnType<DiskProbe['look']>>): string | undefined {
  if (found === 'absent') return 'is not there: until it is, a backup of this source fails'
  if (found === 'denied') return 'can not be looked at by this user: whoever runs the backups must be able to read it'
  if (kind === 'sqlite' && found !== 'file') return 'is no file: expected a SQLite database'
  return undefined
}
