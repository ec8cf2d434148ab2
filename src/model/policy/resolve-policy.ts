import { posix } from 'node:path'
import { storagePlace } from './storage-place.ts'
import { locationNames, type LocationPolicy, type Policy, type SourcePolicy } from './policy.ts'

/**
 * The policy with every path absolute: relative ones start from `folder`, that of the policy file. Places of other
 * adapters than folders of this machine stay as they are.
 */
export function resolvePolicy(policy: Policy, folder: string): Policy {
  const path = (text: string): string => posix.resolve(folder, text)
  const { keyring, unlock } = policy.encryption.keyManagement
  const locations = Object.entries(policy.locations).map(([environment, { primary, secondary }]) => [
    environment,
    {
      primary: resolvedLocation(primary, path),
      secondary: secondary === 'N/A' ? secondary : resolvedLocation(secondary, path),
    },
  ])
  const sources = Object.entries(policy.sources).map(([name, source]) => [name, resolvedSource(source, path)])
  return {
    ...policy,
    locations: Object.fromEntries(locations) as Policy['locations'],
    encryption: {
      ...policy.encryption,
      keyManagement: {
        keyring: path(keyring),
        unlock:
          'keyFile' in unlock
            ? { keyFile: path(unlock.keyFile) }
            : { passphrase: resolvedSecret(unlock.passphrase, path) },
      },
    },
    sources: Object.fromEntries(sources) as Policy['sources'],
    state: path(policy.state),
  }
}

type Resolve = (text: string) => string

function resolvedLocation(location: LocationPolicy, path: Resolve): LocationPolicy {
  const place = storagePlace(location.storage)
  return place.adapter === 'local' ? { ...location, storage: path(place.path) } : location
}

function resolvedSource(source: SourcePolicy, path: Resolve): SourcePolicy {
  switch (source.kind) {
    case 'files':
      return { ...source, paths: source.paths.map(path) }
    case 'sqlite':
      return { ...source, path: path(source.path) }
    case 'postgresql':
      return {
        ...source,
        ...(source.password !== undefined && { password: resolvedSecret(source.password, path) }),
        ...(source.dataDirectory !== undefined && { dataDirectory: path(source.dataDirectory) }),
      }
    default:
      return source satisfies never
  }
}

function resolvedSecret(reference: string, path: Resolve): string {
  return reference.startsWith('file:') ? `file:${path(reference.slice('file:'.length))}` : reference
}

/** A location of an environment, by its name; undefined where there is none. */
export function locationsOf(policy: Pick<Policy, 'locations' | 'environment'>): {
  readonly name: (typeof locationNames)[number]
  readonly location: LocationPolicy
}[] {
  const own = policy.locations[policy.environment]
  return locationNames.flatMap((name) => {
    const location = own?.[name]
    return location === undefined || location === 'N/A' ? [] : [{ name, location }]
  })
}
