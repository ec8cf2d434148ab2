import type { BlobType } from '../../model/blob.ts'
import type { Id } from '../../model/id.ts'
import type { Tree } from '../../model/node.ts'
import type { BlobIndex } from '../../repository/blob-index.ts'

/** The little that reading directories needs of a repository. */
export interface TreeSource {
  /** Failure `object_missing` or `repository_damaged` where the tree can not be had. */
  loadTree(id: Id, signal: AbortSignal): Promise<Tree>
}

/** The little that reading contents needs of a repository. */
export interface BlobSource {
  /** The plaintext, verified against the id. Failure `object_missing` or `repository_damaged` as above. */
  loadBlob(id: Id, type: BlobType, signal: AbortSignal): Promise<Uint8Array>
}

/** The little that counting bytes needs of a repository's index. */
export type BlobSizes = Pick<BlobIndex, 'find' | 'length' | 'uncompressedLength' | 'plaintextLength'>
