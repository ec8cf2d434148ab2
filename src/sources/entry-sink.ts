import type { ByteName } from '../base/byte-name.ts'
import type { Id } from '../model/id.ts'

/**
 * How content is cut: where it says so itself; every so many bytes from the file's beginning; or so too, but those of
 * the groups of pages that would not get small by compression are cut into pages.
 */
export type Chunking =
  | { readonly kind: 'content' }
  | { readonly kind: 'fixed'; readonly bytes: number }
  | { readonly kind: 'pages'; readonly bytes: number; readonly pageBytes: number }

/** What is known of an entry besides its path and content. */
export interface EntryMetadata {
  /** The twelve bits that chmod(2) takes. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly user?: string
  readonly group?: string
  /** Seconds since 1970. */
  readonly mtime: number
}

/**
 * Takes the entries of a source that has no files of its own: a database's, say. Paths are relative ("a/b"), in any
 * order, each once; a directory that is not told is made for what lies in it. A promise that is answered is the
 * sink's way to hold the source back: nothing more is to be given until it is fulfilled.
 */
export interface EntrySink {
  /** About so many bytes will come in all: for whoever shows progress. May be told anew. */
  expect(bytes: number): void
  directory(path: ByteName, metadata: EntryMetadata): void
  symlink(path: ByteName, metadata: EntryMetadata, target: ByteName): void
  /** Begins a file. One at a time: the one before must be ended. */
  file(path: ByteName, metadata: EntryMetadata, chunking: Chunking): FileSink
}

/** Takes the content of one file from its beginning on. */
export interface FileSink {
  /** The bytes are the caller's again once it returned, or its promise is fulfilled. */
  write(bytes: Uint8Array): Promise<void> | undefined
  /** Goes on with chunks that the repository holds already; where they stand, a chunk begins and ends. */
  keep(chunks: readonly { readonly id: Id; readonly bytes: number }[]): Promise<void> | undefined
  end(): Promise<void> | undefined
}
