/**
 * Where a repository lives: a flat set of named, immutable objects. Names are paths of restic's layout
 * ("config", "keys/<id>", "locks/<id>", "snapshots/<id>", "index/<id>", "data/<ab>/<id>").
 *
 * An implementation must give:
 * - put() is atomic: readers see the whole object or none; and durable when it resolves: it is there after the
 *   machine lost power. When it rejects, the object may be there or not, but never in part.
 * - put() never changes an object that is there, unless it is told to replace it; replacing is atomic too.
 * - get() and list() after put() see the object; after remove() they do not.
 * - remove() is durable when it resolves; of an absent object too it resolves.
 * - Calls may overlap in any number; every call stops soon after its signal is aborted, with Failure `stopped`.
 * - Faults are Failures with storage codes; system errors are their causes.
 *
 * It need not give: rename, append, folders, an order in list(), locks, knowledge of what the bytes mean.
 * It must not keep `body` after put() settled. Names are those of isObjectName(): Failure `defect` for any other.
 */
export interface Storage {
  /** For messages, e.g. "/srv/backup" or "s3:bucket/path"; no secrets. */
  readonly name: string

  /** Stores `body` under `objectName`. Answers 'exists' where an object of that name was there and was kept. */
  put(objectName: string, body: Uint8Array, options: PutOptions, signal: AbortSignal): Promise<'stored' | 'exists'>

  /**
   * The object's bytes, or those of `range` (bytes; Failure `repository_damaged` where the object is shorter).
   * Where `into` is given and long enough, the answer is a view of it; an implementation may ignore it.
   * Failure `object_missing` where there is no such object.
   */
  get(objectName: string, options: GetOptions, signal: AbortSignal): Promise<Uint8Array>

  /** Size in bytes, or undefined where there is no such object. */
  size(objectName: string, signal: AbortSignal): Promise<number | undefined>

  /** Every object whose name begins with `prefix` (a folder of the layout with its slash, or ''), each once. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<StoredObject>

  remove(objectName: string, signal: AbortSignal): Promise<void>

  /** Ends connections. No other call may follow. */
  close(): Promise<void>
}

export interface PutOptions {
  readonly whenPresent: 'keep' | 'replace'
  /**
   * Called at most once, at the moment from which `body` is not needed any more: the caller may overwrite it then, while
   * put() goes on to make the object durable. That only put()'s own end tells. An implementation may leave it
   * uncalled. A put() that fails after it is not made again by any wrapper, since the bytes may be gone.
   */
  readonly onBodyRead?: () => void
}

export interface GetOptions {
  readonly range?: { readonly offset: number; readonly length: number }
  readonly into?: Uint8Array
}

export interface StoredObject {
  readonly objectName: string
  /** Bytes. */
  readonly size: number
}
