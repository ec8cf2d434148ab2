import type { ByteName } from '../../base/byte-name.ts'
import type { Moment } from '../../model/go-time.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import type { BlobCheck } from '../../repository/blob-opener.ts'
import type { MasterKey } from '../../kernels/seal.ts'
import type { SharedKernelMemory } from '../../kernels/kernel-memory.ts'

/** What a restore worker is told once. */
export interface RestoreWorkerData {
  readonly key: MasterKey
  /** Where sealed blobs lie when a job comes; the main thread puts them there. */
  readonly memory: SharedKernelMemory
  /** The main thread's descriptor of the target, so that all threads write into the same directory, whatever has its path. */
  readonly targetFd: number
  /** For messages. */
  readonly target: ByteName
  readonly sparse: boolean
}

/** A file that a job deals with. */
export interface FileTarget {
  /** Number in the job's list of directories. */
  readonly directory: number
  /** Its node, without the content. */
  readonly node: Node
  /** Bytes. */
  readonly size: number
}

/** A file that a `prepare` job has made or found. */
export interface PartTarget extends FileTarget {
  /** `new`: nothing was written yet where this job writes. */
  readonly content: 'new' | 'keep'
}

/** A file that is to be compared. */
export interface CompareTarget extends FileTarget {
  /** Ids and lengths of its blobs. */
  readonly content: readonly Id[]
  readonly lengths: readonly number[]
  /** SHA-256 of its whole content, for a `proof`: it is compared, and the blobs are not. */
  readonly digest?: string
}

/** Names that lead from the target to each directory of a job. */
export type DirectoryNames = readonly (readonly ByteName[])[]

/** A blob in a worker's memory, and where its content goes. */
export interface BlobToWrite {
  readonly id: Id
  /** Place in the worker's memory. */
  readonly at: number
  readonly length: number
  readonly uncompressedLength: number | undefined
  /** Pairs: number of a file in the job's list, offset in it. */
  readonly writes: readonly number[]
}

/**
 * What is compared of a file: `presence`: size and mtime; `times`: the same, and the content only where the mtime
 * differs; `content`: size and content; `proof`: the same, of a file that was restored.
 */
export type CompareBy = 'presence' | 'times' | 'content' | 'proof'

export type RestoreJob =
  /**
   * Writes blobs into files. A `whole` file gets all of its blobs here: it is made anew, and gets its metadata.
   * Of the others, which a `prepare` job has made, a part is written.
   */
  | {
      readonly kind: 'write'
      readonly directories: DirectoryNames
      readonly whole: readonly FileTarget[]
      readonly parts: readonly PartTarget[]
      /** Files are numbered through: the whole ones first. */
      readonly blobs: readonly BlobToWrite[]
      readonly check: BlobCheck
    }
  /** Makes files of their full length, empty or with what they hold now. */
  | {
      readonly kind: 'prepare'
      readonly directories: DirectoryNames
      readonly files: readonly FileTarget[]
      readonly content: 'new' | 'keep'
    }
  /** Gives files their metadata. */
  | { readonly kind: 'finish'; readonly directories: DirectoryNames; readonly files: readonly FileTarget[] }
  /** Compares files with the ids and lengths of their blobs. */
  | {
      readonly kind: 'compare'
      readonly directories: DirectoryNames
      readonly files: readonly CompareTarget[]
      readonly by: CompareBy
    }
  /** Closes what the worker holds open, which outlives its thread. No other job may follow. */
  | { readonly kind: 'close' }

export interface FileProblem {
  /** Number of the file in the job. */
  readonly file: number
  readonly code: 'target_unsafe' | 'target_failed'
  /** What is not as it should be: the file with its content, or only its metadata. */
  readonly what: 'file' | 'metadata'
  readonly detail: string
}

/** How a file that is in the target compares with the snapshot's. */
export type Comparison =
  | { readonly state: 'absent' }
  | {
      readonly state: 'equal'
      readonly mtime: Moment
      /** `right`: there is none to be set. */
      readonly metadata: 'right' | 'unknown'
    }
  | {
      readonly state: 'different'
      readonly mtime: Moment
      /** Numbers of the blobs to be written; 'all' where the file must be made anew. */
      readonly wrong: readonly number[] | 'all'
      /** Why it could not be compared. */
      readonly trouble?: string
    }

export type RestoreAnswer =
  | {
      readonly kind: 'write'
      readonly bytesWritten: number
      readonly problems: readonly FileProblem[]
      /** Numbers of blobs that are damaged, and what is wrong with them. */
      readonly damaged: readonly { readonly blob: number; readonly detail: string }[]
    }
  | { readonly kind: 'prepare'; readonly problems: readonly FileProblem[] }
  | { readonly kind: 'finish'; readonly problems: readonly FileProblem[] }
  | { readonly kind: 'compare'; readonly comparisons: readonly Comparison[] }
  | { readonly kind: 'close' }
