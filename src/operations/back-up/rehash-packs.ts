import { inLanes } from '../../base/in-lanes.ts'
import type { Id } from '../../model/id.ts'
import { packObjectName } from '../../repository/object-kind.ts'
import type { Storage } from '../../storage/storage.ts'
import { faultOf } from '../examine-object.ts'

export interface PacksToRehash {
  readonly storage: Pick<Storage, 'get'>
  readonly packs: Iterable<Id>
  /** The SHA-256 of the first `length` bytes of a buffer; called for several at a time. */
  readonly hash: (buffer: SharedArrayBuffer, length: number) => Promise<Id>
  /** Packs that are on their way at a time: their memory is bounded by it. */
  readonly lanes: number
  readonly progress: (done: { readonly packs: number; readonly bytes: number }) => void
}

export interface PacksRehashed {
  readonly packs: number
  readonly bytes: number
  /** Those that are not there, can not be read, or are not what their name says, twice in a row. */
  readonly damaged: readonly Id[]
}

/** Most packs fit; a larger one has the buffer grow. */
const bufferBytes = 24 * 1024 * 1024

/** Reads packs and compares the SHA-256 of each with its name. Faults of the storage as a whole are thrown. */
export async function rehashPacks(request: PacksToRehash, signal: AbortSignal): Promise<PacksRehashed> {
  const buffers = Array.from({ length: request.lanes }, () => new LaneBuffer())
  const damaged: Id[] = []
  let packs = 0
  let bytes = 0
  await inLanes(request.packs, request.lanes, signal, async (id, lane) => {
    const length =
      (await readOnce(id, buffers[lane]!, request, signal)) ?? (await readOnce(id, buffers[lane]!, request, signal))
    if (length === undefined) damaged.push(id)
    packs++
    bytes += length ?? 0
    request.progress({ packs, bytes })
  })
  return { packs, bytes, damaged }
}

/** The length of the pack; undefined where it is not intact. */
async function readOnce(
  id: Id,
  buffer: LaneBuffer,
  { storage, hash }: PacksToRehash,
  signal: AbortSignal,
): Promise<number | undefined> {
  let length: number
  try {
    length = buffer.take(await storage.get(packObjectName(id), { into: buffer.bytes }, signal))
  } catch (error) {
    faultOf(error) // Throws what is no fault of this pack alone.
    return undefined
  }
  return (await hash(buffer.shared, length)) === id ? length : undefined
}

/** Memory that a worker sees too, for one pack after the other. */
class LaneBuffer {
  shared = new SharedArrayBuffer(0)

  get bytes(): Uint8Array {
    if (this.shared.byteLength === 0) this.shared = new SharedArrayBuffer(bufferBytes)
    return new Uint8Array(this.shared)
  }

  /** Has these bytes at the buffer's beginning, wherever the storage put them; answers how many. */
  take(bytes: Uint8Array): number {
    if (bytes.buffer === this.shared && bytes.byteOffset === 0) return bytes.length
    if (bytes.length > this.shared.byteLength) this.shared = new SharedArrayBuffer(bytes.length)
    new Uint8Array(this.shared).set(bytes)
    return bytes.length
  }
}
