import { Failure, isFailure } from '../base/failure.ts'
import type { BlobType } from '../model/blob.ts'
import type { Id } from '../model/id.ts'
import { BlobIndex } from './blob-index.ts'
import { readIndex } from './index-json.ts'
import { describeObject } from './object-kind.ts'
import type { Repository } from './repository.ts'

export interface IndexReading {
  /** Called after each index object. */
  readonly onRead?: (progress: { readonly done: number; readonly total: number }) => void
  /** Takes note of an index object that is damaged or gone, and goes on without it; without this, reading fails. */
  readonly onDamaged?: (id: Id, failure: Failure) => void
}

/** Objects that are fetched while one is decoded. An index has some 10 MiB. */
const readsAtOnce = 4

/** About what an entry takes in an index object, plain and compressed: enough to guess how many there are. */
const plainEntryBytes = 130
const compressedEntryBytes = 60

/** Reads every index object. Their names come in sorted order, so that copies are found in the same order each time. */
export async function readIndexes(
  repository: Pick<Repository, 'list' | 'loadUnpacked' | 'version'>,
  reading: IndexReading,
  signal: AbortSignal,
): Promise<{ readonly index: BlobIndex; readonly ids: readonly Id[] }> {
  const listed = await Array.fromAsync(repository.list('index', signal))
  const ids = listed.map(({ id }) => id).sort()
  const storedBytes = listed.reduce((bytes, { size }) => bytes + size, 0)
  const entryBytes = repository.version === 1 ? plainEntryBytes : compressedEntryBytes
  const index = BlobIndex.create({ blobsExpected: Math.ceil(storedBytes / entryBytes) })
  const fetching: Promise<Uint8Array>[] = []
  const fetch = (id: Id | undefined): void => {
    if (id === undefined) return
    const task = repository.loadUnpacked('index', id, signal)
    task.catch(() => {}) // Its turn comes below; until then Node must not call it unhandled.
    fetching.push(task)
  }
  for (const id of ids.slice(0, readsAtOnce)) fetch(id)
  for (const [at, id] of ids.entries()) {
    fetch(ids[at + readsAtOnce])
    try {
      addIndex(index, await fetching.shift()!, describeObject('index', id), repository.version)
    } catch (error) {
      const isDamage = isFailure(error, 'repository_damaged') || isFailure(error, 'object_missing')
      if (!isDamage || reading.onDamaged === undefined) throw error
      reading.onDamaged(id, error)
    }
    reading.onRead?.({ done: at + 1, total: ids.length })
  }
  return { index, ids }
}

function addIndex(index: BlobIndex, json: Uint8Array, what: string, version: 1 | 2): void {
  let packNumber = -1
  const sink = {
    pack: (id: Uint8Array): void => {
      packNumber = index.addPack(id)
    },
    blob: (id: Uint8Array, type: BlobType, offset: number, length: number, uncompressedLength: number): void => {
      if (uncompressedLength !== 0 && version === 1) {
        throw new Failure('repository_damaged', `Cannot read ${what}: it names compressed blobs in format 1`)
      }
      index.add(packNumber, { id, type, offset, length, uncompressedLength })
    },
  }
  readIndex(json, sink, what)
}
