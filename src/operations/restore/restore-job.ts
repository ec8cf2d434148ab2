import type { ByteName } from '../../base/byte-name.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import type { MasterKey } from '../../kernels/seal.ts'
import type { SharedKernelMemory } from '../../kernels/kernel-memory.ts'

/** What a restore worker is told once. */
export interface RestoreWorkerData {
  readonly key: MasterKey
  /** Where sealed blobs lie when a job comes; the main thread puts them there. */
  readonly memory: SharedKernelMemory
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

export type RestoreJob =
  /**
   * Writes blobs into files. A `whole` file gets all of its blobs here: it is made anew, and gets its metadata.
   * Of the others, which a `prepare` job has made, a part is written.
   */
  | {
      readonly kind: 'write'
      readonly directories: DirectoryNames
      readonly whole: readonly FileTarget[]
      readonly parts: readonly FileTarget[]
      /** Files are numbered through: the whole ones first. */
      readonly blobs: readonly BlobToWrite[]
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
      readonly files: readonly (FileTarget & { readonly lengths: readonly number[] })[]
      /** A file of the right size and mtime is taken to be right. */
      readonly trustTimes: boolean
    }

export interface FileProblem {
  /** Number of the file in the job. */
  readonly file: number
  readonly code: 'target_unsafe' | 'target_failed' | 'not_proven'
  readonly detail: string
}

/** How a file that is in the target compares with the snapshot's. */
export interface Comparison {
  readonly state: 'absent' | 'equal' | 'different'
  /** Numbers of the blobs that are not right, where the file is a regular one. */
  readonly wrong: readonly number[]
  /** Seconds, for `if-newer`. */
  readonly mtimeSeconds: number
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
  | { readonly kind: 'compare'; readonly comparisons: readonly Comparison[]; readonly problems: readonly FileProblem[] }
