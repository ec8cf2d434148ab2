import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Catalog } from '../../catalog/catalog.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { openKeyring } from '../../keys/open-keyring.ts'
import type { ApartFacts, NamedPath } from '../../keys/require-apart.ts'
import { resolveSecret } from '../../keys/resolve-secret.ts'
import type { Unlock } from '../../keys/unlock.ts'
import { locationNames, type Policy } from '../../model/policy/policy.ts'
import { storagePlace } from '../../model/policy/storage-place.ts'
import type { CommandContext } from '../command-entry.ts'
import type { World } from '../world.ts'

/** What opens the keyring of a policy: its secret is read here. Failure `secret_missing`. */
export async function policyUnlock(policy: Policy, { environment }: Pick<World, 'environment'>): Promise<Unlock> {
  const { unlock } = policy.encryption.keyManagement
  if ('keyFile' in unlock) return { keyFile: unlock.keyFile }
  return { passphrase: await resolveSecret(unlock.passphrase, { environment, readFile }) }
}

/** The keyring that a policy names. Failures: those of openKeyring() and policyUnlock(). */
export async function openPolicyKeyring(policy: Policy, { world, signal }: CommandContext): Promise<Keyring> {
  const unlock = await policyUnlock(policy, world)
  return await openKeyring({ file: policy.encryption.keyManagement.keyring, unlock }, world, signal)
}

export async function openPolicyCatalog(policy: Policy, { openCatalog }: Pick<World, 'openCatalog'>): Promise<Catalog> {
  return await openCatalog(join(policy.state, 'catalog.sqlite'))
}

/** The folders and files of this machine that a policy keeps apart. */
export function apartFacts(policy: Policy): ApartFacts {
  const { keyring, unlock } = policy.encryption.keyManagement
  const sources = Object.entries(policy.sources).flatMap(([source, one]): NamedPath[] => {
    const name = `source ${source}`
    if (one.kind === 'files') return one.paths.map((path) => ({ name, path }))
    return one.kind === 'sqlite' ? [{ name, path: one.path }] : []
  })
  const secretFile = 'keyFile' in unlock ? unlock.keyFile : /^file:(.*)$/s.exec(unlock.passphrase)?.[1]
  const secretName = 'keyFile' in unlock ? 'the key file' : 'the passphrase file'
  const secrets = secretFile === undefined ? [] : [{ name: secretName, path: secretFile }]
  return { keyring, secrets, locations: localLocations(policy), sources, repositories: [] }
}

/** The locations of every environment that are folders of this machine. */
export function localLocations(policy: Policy): NamedPath[] {
  return Object.entries(policy.locations).flatMap(([environment, ofIt]) =>
    locationNames.flatMap((name) => {
      const location = ofIt[name]
      if (location === 'N/A') return []
      const place = storagePlace(location.storage)
      if (place.adapter !== 'local') return []
      const label = environment === policy.environment ? `location ${name}` : `location ${name} of ${environment}`
      return [{ name: label, path: place.path }]
    }),
  )
}
