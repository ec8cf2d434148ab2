import { dirname } from 'node:path'
import { Failure } from '../base/failure.ts'
import { liesWithin, type RealPlace, realPlace } from './real-place.ts'

/** A folder or file by what it is to the user: "location primary", "source documents". */
export interface NamedPath {
  readonly name: string
  readonly path: string
}

/** What must be apart. All paths are of this machine. */
export interface ApartFacts {
  /** The keyring's file. */
  readonly keyring: string
  /** Files with what opens it: a key file, a passphrase file. */
  readonly secrets?: readonly NamedPath[]
  readonly locations: readonly NamedPath[]
  readonly sources: readonly NamedPath[]
  readonly repositories: readonly NamedPath[]
}

/**
 * Keys are kept apart from backups. Failure `refused` where the keyring, or a secret that opens it, lies in a location,
 * a source or a repository, or one of those lies in the keyring's folder: who copies the folder would have both. Judged
 * by real paths, whatever symlinks lead there, also where a part does not exist yet. Answers warnings for what is
 * allowed and not good: one device.
 */
export async function requireApart(facts: ApartFacts): Promise<{ readonly warnings: readonly string[] }> {
  const others = [...facts.locations, ...facts.sources, ...facts.repositories]
  const keyring = { name: 'the keyring', path: facts.keyring }
  const folder = await realFolder(facts.keyring)
  for (const one of [keyring, ...(facts.secrets ?? [])]) {
    for (const other of others) await requireOutside(one, other)
  }
  const warnings: string[] = []
  for (const other of others) {
    const place = await realPlace(other.path)
    for (const keyFolder of folder) {
      if (liesWithin(place, keyFolder))
        throw together(other, { name: 'the folder of the keyring', path: keyFolder.path })
    }
    if (facts.locations.includes(other) && folder.some(({ device }) => device === place.device)) {
      warnings.push(`the keyring is on the same device as ${other.name}: who takes that device has both`)
    }
  }
  return { warnings }
}

/** The folder that the keyring's name lies in, and the one that its file lies in: a symlink makes them two. */
async function realFolder(keyring: string): Promise<RealPlace[]> {
  const file = await realPlace(keyring)
  return [await realPlace(dirname(file.path)), await realPlace(dirname(keyring))]
}

/** Failure `refused` where a file with a secret in it lies, or would lie, in another place. */
export async function requireOutside(secret: NamedPath, other: NamedPath): Promise<void> {
  const outer = await realPlace(other.path)
  // Of a symlink both ends count: its name, which a backup of the folder would take, and what it leads to.
  for (const place of [await realPlace(secret.path), await realPlace(dirname(secret.path))]) {
    if (liesWithin(place, outer)) throw together(secret, other)
  }
}

function together(inner: NamedPath, outer: NamedPath): Failure {
  return new Failure(
    'refused',
    `Cannot keep keys and backups apart: ${inner.name} "${inner.path}" lies in ${outer.name} "${outer.path}"`,
    { facts: { hint: 'Move the keyring and what opens it to a folder of its own, and say so in the policy' } },
  )
}
