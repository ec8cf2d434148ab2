import { createHash } from 'node:crypto'
import { isFailure } from '../../base/failure.ts'
import { isIntactWalObject } from '../../operations/wal/wal-store.ts'
import type { RepositoryChoice } from '../../operations/locations/locations.ts'
import type { Installation } from '../installation.ts'
import { openWalObjects } from './wal-objects.ts'

/** What reading stored WAL showed. */
export interface WalVerified {
  readonly objects: number
  readonly readObjects: number
  readonly readBytes: number
  readonly faults: readonly { readonly objectName: string; readonly detail: string }[]
}

/**
 * Reads the WAL of a generation at a location and verifies each object by its own digest, without a key: all of it, or that part
 * which has its turn. Damage is part of the answer.
 */
export async function verifyWal(
  installation: Installation,
  choice: RepositoryChoice,
  read: 'all' | 'none' | { readonly part: number; readonly parts: number },
  signal: AbortSignal,
): Promise<WalVerified> {
  await using opened = await openWalObjects(installation, choice, signal)
  if (opened === undefined) return { objects: 0, readObjects: 0, readBytes: 0, faults: [] }
  const { objects, storage } = opened
  const wanted = objects.filter(({ objectName }) => hasTurn(objectName, read))
  const faults: WalVerified['faults'][number][] = []
  let readBytes = 0
  for (const { objectName, size } of wanted) {
    try {
      if (!(await isIntactWalObject(storage, objectName, signal))) {
        faults.push({ objectName: `wal/${objectName}`, detail: 'its bytes are not what was stored' })
      }
      readBytes += size
    } catch (error) {
      // Retention may have removed it meanwhile.
      if (isFailure(error, 'object_missing')) continue
      if (signal.aborted || !isFailure(error)) throw error
      faults.push({ objectName: `wal/${objectName}`, detail: error.message })
    }
  }
  return { objects: objects.length, readObjects: wanted.length, readBytes, faults }
}

function hasTurn(
  objectName: string,
  read: 'all' | 'none' | { readonly part: number; readonly parts: number },
): boolean {
  if (typeof read === 'string') return read === 'all'
  return createHash('sha256').update(objectName).digest()[0]! % read.parts === read.part - 1
}
