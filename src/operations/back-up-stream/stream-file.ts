import type { ByteName } from '../../base/byte-name.ts'
import type { Id } from '../../model/id.ts'
import type { Chunking, EntryMetadata } from '../../sources/entry-sink.ts'

/** A file of a stream, from its first byte until the last of its chunks is stored. */
export class StreamFile {
  readonly path: ByteName
  readonly metadata: EntryMetadata
  readonly chunking: Chunking
  size = 0
  readonly #ids: (Id | readonly Id[] | undefined)[] = []
  readonly #done: (file: StreamFile) => void
  #pending = 0
  #isEnded = false

  constructor(
    facts: { readonly path: ByteName; readonly metadata: EntryMetadata; readonly chunking: Chunking },
    done: (file: StreamFile) => void,
  ) {
    this.path = facts.path
    this.metadata = facts.metadata
    this.chunking = facts.chunking
    this.#done = done
  }

  /** The place of the next piece, which is a chunk or some: their ids are still to come. */
  reserve(bytes: number): number {
    this.size += bytes
    this.#pending++
    return this.#ids.push(undefined) - 1
  }

  settle(at: number, ids: readonly Id[]): void {
    this.#ids[at] = ids.length === 1 ? ids[0] : ids
    this.#pending--
    this.#finish()
  }

  keep(id: Id, bytes: number): void {
    this.size += bytes
    this.#ids.push(id)
  }

  end(): void {
    this.#isEnded = true
    this.#finish()
  }

  get ids(): readonly Id[] {
    return this.#ids.flat() as Id[]
  }

  #finish(): void {
    if (this.#isEnded && this.#pending === 0) this.#done(this)
  }
}
