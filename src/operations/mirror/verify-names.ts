import { inLanes } from '../../base/in-lanes.ts'
import type { Storage, StoredObject } from '../../storage/storage.ts'
import { examineObject, type ConfigProof } from '../examine-object.ts'
import type { ProgressSink } from '../progress.ts'
import { LaneBuffers } from './lane-buffers.ts'

/** One object that is not what its name says. */
export interface NameFault {
  readonly objectName: string
  readonly state: 'damaged' | 'absent'
  readonly detail: string
}

export interface NamesVerified {
  /** Number of objects whose bytes are those of their names. */
  readonly intact: number
  readonly intactBytes: number
  /** In the order of their names. */
  readonly faults: readonly NameFault[]
}

/** While one object is hashed, others are read. */
const lanesMax = 3

/**
 * Reads objects and compares the SHA-256 of each with its name: needs no key, so that whoever only keeps the copies
 * can prove them too. "config" has no such name; it is proven by `proveConfig`, or taken as it is.
 */
export async function verifyNames(
  request: {
    readonly storage: Pick<Storage, 'get'>
    readonly objects: readonly StoredObject[]
    readonly proveConfig?: ConfigProof | undefined
  },
  progress: ProgressSink,
  signal: AbortSignal,
): Promise<NamesVerified> {
  const buffers = new LaneBuffers(lanesMax)
  const bytesTotal = request.objects.reduce((sum, { size }) => sum + size, 0)
  const filesTotal = request.objects.length
  const faults: NameFault[] = []
  let filesDone = 0
  let bytesDone = 0
  let intact = 0
  let intactBytes = 0
  await inLanes(request.objects, lanesMax, signal, async ({ objectName, size }, lane) => {
    const options = { into: buffers.take(lane, size), proveConfig: request.proveConfig }
    const examined = await examineObject(request.storage, objectName, options, signal)
    filesDone++
    bytesDone += size
    if (examined.state === 'intact') {
      intact++
      intactBytes += examined.bytes.length
    } else {
      faults.push({ objectName, state: examined.state, detail: examined.detail })
    }
    progress({
      phase: 'verify',
      filesDone,
      filesTotal,
      bytesDone,
      bytesTotal,
      current: [objectName],
      gaps: faults.length,
    })
  })
  return { intact, intactBytes, faults: faults.sort((a, b) => (a.objectName < b.objectName ? -1 : 1)) }
}
