import { posix } from 'node:path'

/** Where a storage is: the word of its adapter, and what that adapter makes of the rest. */
export interface StoragePlace {
  readonly adapter: string
  readonly path: string
}

/** The place that a policy names. Without an adapter's word before a colon it is a folder of this machine. */
export function storagePlace(storage: string): StoragePlace {
  const [, adapter, path] = /^([a-z][a-z0-9+-]*):(.+)$/s.exec(storage) ?? []
  return adapter === undefined || path === undefined ? { adapter: 'local', path: storage } : { adapter, path }
}

/** The place as an absolute one: folders of this machine start from `folder`. */
export function resolvedPlace(place: StoragePlace, folder: string): StoragePlace {
  if (place.adapter !== 'local') return { adapter: place.adapter, path: place.path.replace(/\/+$/, '') }
  return { adapter: 'local', path: posix.resolve(folder, place.path) }
}

/** Says whether a place is another one or lies in it. Both are absolute. */
export function liesIn(inner: StoragePlace, outer: StoragePlace): boolean {
  if (inner.adapter !== outer.adapter) return false
  const folder = outer.path.endsWith('/') ? outer.path : `${outer.path}/`
  return inner.path === outer.path || inner.path.startsWith(folder)
}
