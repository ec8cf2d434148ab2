import { posix } from 'node:path'
import { quotedText } from './found-value.ts'
import type { PolicyData, WrittenPath } from './policy-data.ts'
import type { UnplacedFault } from './policy-fault.ts'
import { settingName } from './policy-fault.ts'
import { liesIn, storagePlace, type StoragePlace } from './storage-place.ts'

/** A setting that names a place, as it is written and where that really is. */
interface NamedPlace {
  readonly at: readonly (string | number)[]
  readonly written: string
  readonly place: StoragePlace
}

interface SourcePlace extends NamedPlace {
  readonly exclude: readonly string[]
}

/** Makes a place absolute: pure, by the folder of the policy file; or on the disk, with all symlinks followed. */
export type LocatePlace = (place: StoragePlace) => StoragePlace

/**
 * Where the places of a policy lie in each other and must not: the two locations of an environment; keys and state in
 * a location; a location, the keys or the state in a source. Keys and backups in one place would protect nothing, and a
 * source that holds a location would back up its own backups.
 */
export function placeFaults(data: PolicyData, locate: LocatePlace): UnplacedFault[] {
  const locations = ownLocations(data, locate)
  const keys = data.keys.map((key) => filePlace(key, locate))
  const states = data.state === undefined ? [] : [filePlace({ at: ['state'], path: data.state }, locate)]
  return [
    ...pairFaults(data, locate),
    ...locations.flatMap((location) => [
      ...keys
        .filter(({ place }) => liesIn(place, location.place))
        .map((key) => insideFault(key, location, apartWanted)),
      ...keyringFolderFaults(keys, location),
      ...states
        .filter(({ place }) => liesIn(place, location.place))
        .map((state) => insideFault(state, location, 'a folder outside of the backups')),
    ]),
    ...sourcePlaces(data, locate).flatMap((source) => [
      ...locations
        .filter((location) => liesIn(source.place, location.place) && source.place.path !== location.place.path)
        .map((location) => insideFault(source, location, 'a source outside of the backups')),
      ...[...locations, ...keys, ...states].flatMap((inner) => holdingFault(source, inner, inner === states[0])),
    ]),
  ]
}

const apartWanted = 'a place apart from every backup'

function pairFaults({ locations }: PolicyData, locate: LocatePlace): UnplacedFault[] {
  return Object.entries(locations ?? {}).flatMap(([environment, { primary, secondary }]): UnplacedFault[] => {
    if (primary === undefined || secondary === undefined || secondary === 'N/A') return []
    const [first, second] = [locate(storagePlace(primary)), locate(storagePlace(secondary))]
    const isSame = liesIn(first, second) && liesIn(second, first)
    if (!liesIn(first, second) && !liesIn(second, first)) return []
    const relation = isSame ? 'is' : liesIn(second, first) ? 'lies inside' : 'holds'
    return [
      {
        at: ['locations', environment, 'secondary', 'storage'],
        point: 'value',
        found: `${quotedText(secondary)}, which ${relation} the primary location`,
        wanted: 'another place, so that one loss does not take both copies',
      },
    ]
  })
}

/** The keyring's folder is no place for backups either: whoever copies or loses the one has the other. */
function keyringFolderFaults(keys: readonly NamedPlace[], location: NamedPlace): UnplacedFault[] {
  const keyring = keys.find(({ at }) => at.at(-1) === 'keyring')
  if (keyring === undefined || liesIn(keyring.place, location.place)) return []
  const folder = { ...keyring.place, path: posix.dirname(keyring.place.path) }
  if (!liesIn(location.place, folder)) return []
  const found = `${quotedText(keyring.written)}, whose folder holds ${settingName(location.at.slice(0, 3))}`
  return [{ at: keyring.at, point: 'value', found, wanted: 'a folder of its own, apart from every backup' }]
}

function insideFault(inner: NamedPlace, outer: NamedPlace, wanted: string): UnplacedFault {
  const found = `${quotedText(inner.written)}, which lies inside ${settingName(outer.at.slice(0, 3))}`
  return { at: inner.at, point: 'value', found, wanted }
}

function holdingFault(source: SourcePlace, inner: NamedPlace, isState: boolean): UnplacedFault[] {
  if (!liesIn(inner.place, source.place) || isExcluded(inner.place, source.exclude)) return []
  const isLocation = inner.at[0] === 'locations'
  const name = settingName(isLocation ? inner.at.slice(0, 3) : inner.at)
  const reason = isLocation
    ? 'paths without the backups, which would back up themselves'
    : isState
      ? 'paths without the state, which changes with every backup'
      : 'paths without the keys, which must not lie in the backups that they open'
  return [
    {
      at: source.at,
      point: 'value',
      found: `${quotedText(source.written)}, which holds ${name}`,
      wanted: reason,
      hint: source.at.includes('paths') ? `or leave it out: exclude: [${quotedText(inner.place.path)}]` : undefined,
    },
  ]
}

/**
 * Says whether exclude patterns leave a place out for sure: one of them is a path without wildcards that it lies in, and
 * none takes anything back.
 */
function isExcluded(place: StoragePlace, exclude: readonly string[]): boolean {
  if (exclude.some((pattern) => pattern.startsWith('!'))) return false
  return exclude.some((pattern) => {
    const isPlain = pattern.startsWith('/') && !/[*?[\\]/.test(pattern) && pattern.trim() === pattern
    const path = posix.resolve(pattern)
    // With a slash at its end it means folders only, so of a file it proves nothing.
    const mayBeItself = !pattern.endsWith('/') || place.path !== path
    return isPlain && mayBeItself && liesIn(place, { adapter: 'local', path })
  })
}

function ownLocations({ environment, locations }: PolicyData, locate: LocatePlace): NamedPlace[] {
  const own = environment === undefined ? undefined : locations?.[environment]
  return Object.entries(own ?? {}).flatMap(([side, storage]: [string, string | undefined]) => {
    if (storage === undefined || storage === 'N/A') return []
    const at = ['locations', environment!, side, 'storage']
    return [{ at, written: storage, place: locate(storagePlace(storage)) }]
  })
}

function sourcePlaces({ sources }: PolicyData, locate: LocatePlace): SourcePlace[] {
  return Object.values(sources ?? {}).flatMap(({ paths, exclude }) =>
    paths.map((path) => ({ ...filePlace(path, locate), exclude })),
  )
}

function filePlace({ at, path }: WrittenPath, locate: LocatePlace): NamedPlace {
  return { at, written: path, place: locate({ adapter: 'local', path }) }
}
