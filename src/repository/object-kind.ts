import { type Id, isId } from '../model/id.ts'

/** Kinds of objects that are named by the SHA-256 of their bytes, by the folder they lie in. */
export const objectKinds = ['keys', 'locks', 'snapshots', 'index', 'data'] as const
export type ObjectKind = (typeof objectKinds)[number]

/** The one object with a fixed name. It is written once, when the repository is made. */
export const configName = 'config'

/** restic spreads packs over 256 folders by the first byte of their ids. */
export function objectNameOf(kind: ObjectKind, id: Id): string {
  return kind === 'data' ? `data/${id.slice(0, 2)}/${id}` : `${kind}/${id}`
}

export function packObjectName(id: Id): string {
  return objectNameOf('data', id)
}

/** Kind and id of an object by its name; undefined for "config" and for names that are not of the layout. */
export function parseObjectName(objectName: string): { readonly kind: ObjectKind; readonly id: Id } | undefined {
  const id = objectName.slice(objectName.lastIndexOf('/') + 1)
  const kind = objectKinds.find((known) => objectName.startsWith(`${known}/`))
  return kind !== undefined && isId(id) && objectName === objectNameOf(kind, id) ? { kind, id } : undefined
}

const nouns = { keys: 'key', locks: 'lock', snapshots: 'snapshot', index: 'index', data: 'pack' } as const

/** For messages: `pack "0123…"`. The id is whole, so that it can be found in the storage. */
export function describeObject(kind: ObjectKind, id: Id): string {
  return `${nouns[kind]} "${id}"`
}
