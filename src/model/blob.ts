import type { Id } from './id.ts'

/** What a blob holds: a piece of a file's content, or a tree (the list of a directory's nodes). */
export const blobTypes = ['data', 'tree'] as const
export type BlobType = (typeof blobTypes)[number]

/** Where a blob lies in a pack. */
export interface PackedBlob {
  readonly id: Id
  readonly type: BlobType
  /** Offset in the pack, bytes. */
  readonly offset: number
  /** Sealed length in the pack, bytes: initialisation vector, ciphertext and authenticator. */
  readonly length: number
  /** Length before compression, bytes; undefined where the blob is stored uncompressed. */
  readonly uncompressedLength: number | undefined
}
