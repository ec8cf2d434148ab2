import { Failure } from '../../base/failure.ts'
import type { PackedBlob } from '../../model/blob.ts'
import type { Id } from '../../model/id.ts'
import type { Repository } from '../../repository/repository.ts'
import type { PackReady } from './backup-job.ts'
import { unpackBlobList } from './pack-blob-list.ts'
import { abandonSlots, releaseSlot } from './pack-slots.ts'

/** An index object names at most about so many blobs, as restic's do; the memory that it takes is bounded by it. */
const indexBlobsMax = 50_000
/**
 * Packs that are written and not yet durable. Their memory is in use again; they are bounded so that not all of a long
 * backup waits for the disk at its end, and in what is known of them.
 */
const packsUnderWayMax = 64
/** How long a backup that was stopped may take to name what it has stored. */
const indexMsMax = 10_000
/** After so many bytes of packs an index is stored: it is what a backup that was killed does not have to store again. */
const indexBytesMax = 4 * 1024 * 1024 * 1024

/**
 * Stores the packs that workers have built, and the indexes that name them.
 *
 * Order: a pack first, durable and not only written, then an index that names it, at last (by the caller) the snapshot. A crash after a pack
 * leaves a pack that no index names: the next prune removes it. A crash after an index leaves blobs that no
 * snapshot needs: the next backup uses them, or the next prune removes them. Each step may be run again.
 */
export class PackReceiver {
  readonly #repository: Repository
  readonly #signal: AbortSignal
  readonly #storing = new Set<Promise<void>>()
  #unindexed: { id: Id; blobs: readonly PackedBlob[] }[] = []
  #unindexedBlobs = 0
  #unindexedBytes = 0
  #indexing: Promise<void> = Promise.resolve()
  #failure: { readonly error: unknown } | undefined
  #bytes = 0
  readonly #packIds = new Set<Id>()

  constructor(repository: Repository, signal: AbortSignal) {
    this.#repository = repository
    this.#signal = signal
  }

  /** Bytes of the packs that were stored. */
  get bytes(): number {
    return this.#bytes
  }

  /** The packs that were stored. */
  get packIds(): ReadonlySet<Id> {
    return this.#packIds
  }

  /** The failure that ended the storing, if one did. */
  get failure(): unknown {
    return this.#failure?.error
  }

  /**
   * Takes a pack over. Its slot is free again when the storage has read it, which may be long before it is durable; only
   * then it is counted and named. Never throws: finish() tells.
   */
  receive(pack: PackReady): void {
    const storing = this.#store(pack)
      .catch((error: unknown) => {
        this.#failure ??= { error }
        abandonSlots(pack.states)
      })
      .finally(() => this.#storing.delete(storing))
    this.#storing.add(storing)
  }

  /** Resolves when every pack that was received so far is stored; its blobs are in the index in memory then. */
  async stored(): Promise<void> {
    await Promise.all(this.#storing)
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Resolves when every pack that was received is stored and named by an index. */
  async finish(): Promise<void> {
    await Promise.all(this.#storing)
    if (this.#failure === undefined) this.#index(this.#signal)
    await this.#indexing
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /**
   * To be called instead of finish() when the backup is given up: names what is stored already, so that the next
   * backup goes on from it. Never throws: what is not named is stored again, and removed by prune.
   */
  async giveUp(): Promise<void> {
    await Promise.all(this.#storing)
    this.#index(AbortSignal.timeout(indexMsMax))
    await this.#indexing
  }

  async #store(pack: PackReady): Promise<void> {
    if (this.#failure !== undefined) throw new Failure('stopped', 'The storage failed before', { cause: this.failure })
    const body = new Uint8Array(pack.buffer, pack.start, pack.end - pack.start)
    let isReleased = pack.slot === undefined
    const release = (): void => {
      if (!isReleased) releaseSlot(pack.states, pack.slot!)
      isReleased = true
    }
    await this.#repository.savePack(pack.id, body, this.#signal, () => {
      if (this.#storing.size <= packsUnderWayMax) release()
    })
    this.#bytes += body.length
    this.#packIds.add(pack.id)
    const blobs = unpackBlobList(pack)
    this.#repository.index.settlePack(pack.id, blobs)
    release()
    this.#unindexed.push({ id: pack.id, blobs })
    this.#unindexedBlobs += blobs.length
    this.#unindexedBytes += body.length
    if (this.#unindexedBlobs >= indexBlobsMax || this.#unindexedBytes >= indexBytesMax) this.#index(this.#signal)
  }

  #index(signal: AbortSignal): void {
    const packs = this.#unindexed
    if (packs.length === 0) return
    this.#unindexed = []
    this.#unindexedBlobs = 0
    this.#unindexedBytes = 0
    this.#indexing = this.#indexing
      .then(() => this.#repository.saveIndex(packs, signal))
      .then(
        () => {},
        (error: unknown) => {
          this.#failure ??= { error }
          // For whoever uses the repository next in this process, these blobs are not there: no index names them.
          this.#repository.index.withdrawPacks(packs.map(({ id }) => id))
        },
      )
  }
}
