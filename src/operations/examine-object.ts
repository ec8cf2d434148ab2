import { hash } from 'node:crypto'
import { Failure, isFailure } from '../base/failure.ts'
import { configName, parseObjectName } from '../repository/object-kind.ts'
import type { Storage } from '../storage/storage.ts'

/** What reading one object showed, by its name alone and without a key. */
export type Examined =
  | { readonly state: 'intact'; readonly bytes: Uint8Array }
  /** Its bytes are not those of its name, or the device can not read them. */
  | { readonly state: 'damaged'; readonly detail: string }
  | { readonly state: 'absent'; readonly detail: string }

/** Says what is wrong with the bytes of "config", whose name is no hash; undefined where nothing is. */
export type ConfigProof = (bytes: Uint8Array) => string | undefined

/**
 * Reads an object and compares its SHA-256 with its name; "config" is given to `proveConfig`, and is taken to be
 * intact where there is none. A fault of this one object is part of the answer; faults of the storage as a whole
 * (not reachable, access denied …) are thrown.
 */
export async function examineObject(
  storage: Pick<Storage, 'get'>,
  objectName: string,
  options: { readonly into?: Uint8Array | undefined; readonly proveConfig?: ConfigProof | undefined },
  signal: AbortSignal,
): Promise<Examined> {
  let bytes: Uint8Array
  try {
    bytes = await storage.get(objectName, options.into === undefined ? {} : { into: options.into }, signal)
  } catch (error) {
    return faultOf(error)
  }
  const detail = objectName === configName ? options.proveConfig?.(bytes) : nameMismatch(objectName, bytes)
  return detail === undefined ? { state: 'intact', bytes } : { state: 'damaged', detail }
}

/** What is wrong with an object whose get() failed; what is wrong with the storage itself is thrown again. */
export function faultOf(error: unknown): Exclude<Examined, { state: 'intact' }> {
  if (isFailure(error, 'object_missing')) return { state: 'absent', detail: error.message }
  if (isFailure(error, 'repository_damaged')) return { state: 'damaged', detail: error.message }
  // A bad sector is the very thing that another copy is kept for.
  if (error instanceof Failure && error.facts['systemCode'] === 'EIO')
    return { state: 'damaged', detail: error.message }
  throw error
}

/** Says how the bytes differ from what their name promises; undefined where they do not. */
export function nameMismatch(objectName: string, bytes: Uint8Array): string | undefined {
  const parsed = parseObjectName(objectName)
  if (parsed === undefined) throw new Failure('defect', `Cannot examine "${objectName}": its name is no hash`)
  const found = hash('sha256', bytes)
  return found === parsed.id ? undefined : `its ${bytes.length} bytes have the SHA-256 "${found}"`
}
