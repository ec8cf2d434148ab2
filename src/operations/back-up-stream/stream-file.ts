import type { ByteName } from '../../base/byte-name.ts'
import type { Id } from '../../model/id.ts'
import type { Chunking, EntryMetadata } from '../../sources/entry-sink.ts'

/** A file of a stream, from its first byte until the last of its chunks is stored. */
export class StreamFile {
  readonly path: ByteName
  readonly metadata: EntryMetadata
  readonly chunking: Chunking
  size = 0
  readonly #ids: (Id | undefined)[] = []
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

  /** The place of the next chunk, whose id is still to come. */
  reserve(bytes: number): number {
    this.size += bytes
    this.#pending++
    return this.#ids.push(undefined) - 1
  }

  settle(at: number, id: Id): void {
    this.#ids[at] = id
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
    return this.#ids as Id[]
  }

  #finish(): void {
    if (this.#isEnded && this.#pending === 0) this.#done(this)
  }
}
