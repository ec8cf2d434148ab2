import { hash, hkdfSync } from 'node:crypto'
import { throwIfStopped } from '../base/abort.ts'
import { Failure, isFailure } from '../base/failure.ts'
import type { RandomBytes } from '../base/random.ts'
import { KernelMemory } from '../kernels/kernel-memory.ts'
import { type MasterKey, openBytes, sealBytes } from '../kernels/seal.ts'
import type { BlobType, PackedBlob } from '../model/blob.ts'
import { compareMoments, parseGoTime } from '../model/go-time.ts'
import type { Id } from '../model/id.ts'
import type { Tree } from '../model/node.ts'
import type { Snapshot, SnapshotData } from '../model/snapshot.ts'
import type { Storage } from '../storage/storage.ts'
import { BlobIndex, type BlobLocation } from './blob-index.ts'
import { BlobOpener } from './blob-opener.ts'
import type { RepositoryConfig, RepositoryVersion } from './config.ts'
import { encodeIndex, type IndexedPack } from './index-json.ts'
import { readIndexes, type IndexReading } from './read-indexes.ts'
import { describeObject, objectNameOf, type ObjectKind, parseObjectName } from './object-kind.ts'
import { readPackHeader } from './read-pack-header.ts'
import { decodeSnapshot, encodeSnapshot } from './snapshot-json.ts'
import { decodeTree } from './tree-json.ts'
import { decodeUnpacked, encodeUnpacked } from './unpacked.ts'

/** Kinds of objects that are sealed as one piece, so not packs; keys are sealed otherwise (see keys.ts). */
export type UnpackedKind = 'locks' | 'snapshots' | 'index'

export interface ListedObject {
  readonly id: Id
  /** Bytes. */
  readonly size: number
}

/** What a repository is made of, once its key is known. openRepository() and initRepository() gather it. */
export interface RepositoryParts {
  readonly storage: Storage
  readonly config: RepositoryConfig
  readonly key: MasterKey
  /** The key object that was opened; undefined where the master key was handed in. */
  readonly keyId: Id | undefined
  readonly random: RandomBytes
}

/**
 * An open restic repository. What it reads is verified: objects by the SHA-256 that is their name and by their
 * seal, blobs by their SHA-256 too. What it writes is only ever added; the order of writing is the caller's:
 * packs, then the indexes that name them, then the snapshot that needs them.
 */
export class Repository implements AsyncDisposable {
  readonly storage: Storage
  readonly config: RepositoryConfig
  readonly key: MasterKey
  readonly keyId: Id | undefined
  readonly random: RandomBytes
  /** 32 bytes for KernelMemory.setGearKey(): the same for ever, so that the same bytes are cut alike. */
  readonly gearKey: Uint8Array
  #index: BlobIndex | undefined
  #indexIds: readonly Id[] = []
  #scratch: KernelMemory | undefined
  #opener: BlobOpener | undefined

  constructor(parts: RepositoryParts) {
    this.storage = parts.storage
    this.config = parts.config
    this.key = parts.key
    this.keyId = parts.keyId
    this.random = parts.random
    this.gearKey = deriveGearKey(parts.key)
  }

  get version(): RepositoryVersion {
    return this.config.version
  }

  /** The blobs known since loadIndex(); before, an empty index. */
  get index(): BlobIndex {
    this.#index ??= BlobIndex.create()
    return this.#index
  }

  /** The index objects that loadIndex() read, and those that were saved since. */
  get indexIds(): readonly Id[] {
    return this.#indexIds
  }

  /** Reads every index object into a new BlobIndex. Failure `repository_damaged` unless damage is asked for. */
  async loadIndex(signal: AbortSignal, reading: IndexReading = {}): Promise<void> {
    const { index, ids } = await readIndexes(this, reading, signal)
    this.#index = index
    this.#indexIds = ids
  }

  /** The objects of a kind. Names that are not of the layout are passed over, as restic does. */
  async *list(kind: ObjectKind, signal: AbortSignal): AsyncGenerator<ListedObject, void, undefined> {
    for await (const { objectName, size } of this.storage.list(`${kind}/`, signal)) {
      const parsed = parseObjectName(objectName)
      if (parsed?.kind === kind) yield { id: parsed.id, size }
    }
  }

  /** An object's bytes as stored, whose SHA-256 is its id. Read twice before it is called damaged. */
  async loadRaw(kind: ObjectKind, id: Id, signal: AbortSignal): Promise<Uint8Array> {
    for (let trial = 1; ; trial++) {
      const bytes = await this.storage.get(objectNameOf(kind, id), {}, signal)
      const found = hash('sha256', bytes)
      if (found === id) return bytes
      if (trial === 2) {
        throw new Failure(
          'repository_damaged',
          `Cannot read ${describeObject(kind, id)}: the SHA-256 of its bytes is "${found}"`,
          { facts: { objectName: objectNameOf(kind, id) } },
        )
      }
    }
  }

  /** The JSON of an index, snapshot or lock. */
  async loadUnpacked(kind: UnpackedKind, id: Id, signal: AbortSignal): Promise<Uint8Array> {
    const sealed = await this.loadRaw(kind, id, signal)
    return decodeUnpacked(this.#open(sealed, kind, id), this.version, describeObject(kind, id))
  }

  /** Seals and stores JSON; answers its name. */
  async saveUnpacked(kind: UnpackedKind, json: Uint8Array, signal: AbortSignal): Promise<Id> {
    const plaintext = encodeUnpacked(json, this.version)
    const sealed = sealBytes(this.#memory(), this.key, plaintext, this.random(16))
    const id = hash('sha256', sealed)
    // What goes out is opened once more: a fault of this machine must not be found only when it is restored.
    const reread = decodeUnpacked(this.#open(sealed, kind, id), this.version, describeObject(kind, id))
    if (Buffer.compare(reread, json) !== 0) {
      throw new Failure('defect', `Cannot save ${describeObject(kind, id)}: it does not read as it was written`)
    }
    await this.storage.put(objectNameOf(kind, id), sealed, { whenPresent: 'keep' }, signal)
    return id
  }

  /** Removes an object; one that is gone already is no fault. */
  async remove(kind: ObjectKind, id: Id, signal: AbortSignal): Promise<void> {
    await this.storage.remove(objectNameOf(kind, id), signal)
  }

  /**
   * Stores a finished pack under its name. To be used by others it must be named by an index then. `onBytesRead` is
   * called at most once, when the bytes are not needed any more, though the pack may not be durable yet.
   */
  async savePack(
    id: Id,
    bytes: Uint8Array,
    signal: AbortSignal,
    onBytesRead: () => void = () => {},
  ): Promise<'stored' | 'exists'> {
    const options = { whenPresent: 'keep', onBodyRead: onBytesRead } as const
    return await this.storage.put(objectNameOf('data', id), bytes, options, signal)
  }

  /**
   * Stores the index objects that name these packs, each of some 50,000 blobs like restic's; answers their names.
   * Nothing is stored for no packs. The packs must be stored before.
   */
  async saveIndex(packs: Iterable<IndexedPack>, signal: AbortSignal): Promise<Id[]> {
    const ids: Id[] = []
    for (const part of indexParts(packs)) {
      ids.push(await this.saveUnpacked('index', encodeIndex({ packs: part }), signal))
    }
    this.#indexIds = [...this.#indexIds, ...ids]
    return ids
  }

  /** The blobs that the header of a pack lists. `size`: the pack's bytes. */
  async loadPackHeader(id: Id, size: number, signal: AbortSignal): Promise<PackedBlob[]> {
    const open = (sealed: Uint8Array): Uint8Array => openBytes(this.#memory(), this.key, sealed)
    return await readPackHeader({ storage: this.storage, open, id, size }, signal)
  }

  /**
   * A blob's content. Where one copy is damaged or gone, the next one is read; where none is left, the failure is that of
   * a damaged one, if there is any. Failure `object_missing` where the index does not name the blob.
   */
  async loadBlob(id: Id, type: BlobType, signal: AbortSignal): Promise<Uint8Array> {
    let failure: unknown
    for (const location of this.index.locations(id, type)) {
      try {
        return await this.loadBlobAt(location, signal)
      } catch (error) {
        if (!isFailure(error, 'repository_damaged') && !isFailure(error, 'object_missing')) throw error
        if (!isFailure(failure, 'repository_damaged')) failure = error
      }
    }
    if (failure !== undefined) throw failure
    throw new Failure('object_missing', `Cannot read ${type} blob "${id}": no index names it`)
  }

  /** The content of a blob that lies here. */
  async loadBlobAt(location: BlobLocation, signal: AbortSignal): Promise<Uint8Array> {
    const { packId, offset, length } = location
    const sealed = await this.storage.get(objectNameOf('data', packId), { range: { offset, length } }, signal)
    return this.openBlob(sealed, location)
  }

  /** Opens a sealed blob and verifies it. For many blobs, use a BlobOpener in a worker. */
  openBlob(sealed: Uint8Array, blob: Pick<BlobLocation, 'id' | 'type' | 'uncompressedLength' | 'packId'>): Uint8Array {
    this.#opener ??= new BlobOpener(this.key)
    try {
      return this.#opener.open(sealed, blob)
    } catch (error) {
      if (!isFailure(error, 'repository_damaged')) throw error
      const facts = { objectName: objectNameOf('data', blob.packId) }
      throw new Failure(error.code, `${error.message}, in ${describeObject('data', blob.packId)}`, {
        facts,
        cause: error,
      })
    }
  }

  async loadTree(id: Id, signal: AbortSignal): Promise<Tree> {
    return decodeTree(await this.loadBlob(id, 'tree', signal), `tree "${id}"`)
  }

  async loadSnapshot(id: Id, signal: AbortSignal): Promise<Snapshot> {
    const json = await this.loadUnpacked('snapshots', id, signal)
    return { ...decodeSnapshot(json, describeObject('snapshots', id)), id }
  }

  /**
   * All snapshots, oldest first. To read a repository that others write to, call this before loadIndex(): then
   * every snapshot's blobs are in the index.
   */
  async listSnapshots(
    signal: AbortSignal,
    options: { readonly onDamaged?: (id: Id, failure: Failure) => void } = {},
  ): Promise<Snapshot[]> {
    const ids = (await Array.fromAsync(this.list('snapshots', signal))).map(({ id }) => id)
    const snapshots: Snapshot[] = []
    for (let at = 0; at < ids.length; at += readsAtOnce) {
      throwIfStopped(signal)
      const reading = ids.slice(at, at + readsAtOnce).map(async (id) => {
        try {
          snapshots.push(await this.loadSnapshot(id, signal))
        } catch (error) {
          if (isFailure(error, 'object_missing')) return // Forgotten by another process since it was listed.
          if (options.onDamaged === undefined || !isFailure(error, 'repository_damaged')) throw error
          options.onDamaged(id, error)
        }
      })
      await Promise.all(reading)
    }
    return snapshots.sort(byTime)
  }

  /** Stores a snapshot. Its tree and all that it names must be stored and indexed before. */
  async saveSnapshot(snapshot: SnapshotData, signal: AbortSignal): Promise<Id> {
    return await this.saveUnpacked('snapshots', encodeSnapshot(snapshot), signal)
  }

  /** Closes the storage as well. */
  async close(): Promise<void> {
    this.#opener?.close()
    this.#opener = undefined
    await this.storage.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #open(sealed: Uint8Array, kind: ObjectKind, id: Id): Uint8Array {
    try {
      return openBytes(this.#memory(), this.key, sealed)
    } catch (error) {
      if (!isFailure(error, 'repository_damaged')) throw error
      throw new Failure(error.code, `Cannot open ${describeObject(kind, id)}: its seal is broken`, { cause: error })
    }
  }

  /** Scratch for objects that are sealed as one piece; larger ones get memory of their own for the moment. */
  #memory(): KernelMemory {
    this.#scratch ??= new KernelMemory({ regionBytes: 1024 * 1024 })
    return this.#scratch
  }
}

/** Objects that are read at the same time: enough to hide the way to a remote storage. */
const readsAtOnce = 16
/** restic ends an index here as well. */
const indexBlobsMax = 50_000

function deriveGearKey(key: MasterKey): Uint8Array {
  const secret = Buffer.concat([key.encrypt, key.macK, key.macR])
  return new Uint8Array(hkdfSync('sha256', secret, '', 'zakops-backup: gear table of the chunker, 1', 32))
}

function* indexParts(packs: Iterable<IndexedPack>): Generator<IndexedPack[], void, undefined> {
  let part: IndexedPack[] = []
  let blobs = 0
  for (const pack of packs) {
    part.push(pack)
    blobs += pack.blobs.length
    if (blobs < indexBlobsMax) continue
    yield part
    part = []
    blobs = 0
  }
  if (part.length > 0) yield part
}

function byTime(a: Snapshot, b: Snapshot): number {
  return compareMoments(parseGoTime(a.time), parseGoTime(b.time)) || (a.id < b.id ? -1 : 1)
}
