import type { MasterKey, Opener } from '../../kernels/seal.ts'
import type { ZstdDecompressor } from '../../kernels/zstd.ts'
import type { BlobIndex } from '../../repository/blob-index.ts'
import type { ExcludeRules } from '../../sources/files/exclude-rules.ts'
import type { NodeOptions } from '../../sources/files/file-node.ts'
import type { ChunkStore } from './chunk-store.ts'
import type { ReadWindow } from './store-content.ts'
import type { TreeMatcher } from './tree-matcher.ts'

/** What the jobs of one backup worker share. */
export interface WorkerContext {
  readonly key: MasterKey
  readonly window: ReadWindow
  readonly store: ChunkStore
  readonly index: BlobIndex
  readonly opener: Opener
  readonly decompressor: ZstdDecompressor
  readonly rules: ExcludeRules
  readonly nodeOptions: NodeOptions
  readonly readAll: boolean
  /** Undefined where what is asked for needs more than a comparison: files are all read, or some left out. */
  readonly matcher: TreeMatcher | undefined
  readonly streamMemory: SharedArrayBuffer | undefined
}
