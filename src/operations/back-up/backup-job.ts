import type { ByteName } from '../../base/byte-name.ts'
import type { Id } from '../../model/id.ts'
import type { BlobType } from '../../model/blob.ts'
import type { MasterKey } from '../../kernels/seal.ts'
import type { SharedBlobIndex } from '../../repository/blob-index.ts'
import type { FileStat } from '../../posix/stat.ts'
import type { ExcludeDefinition } from '../../sources/files/exclude-rules.ts'
import type { SharedSealedBlob } from '../tree-reader.ts'
import type { Gap } from '../../sources/files/gap.ts'
import type { Attachment } from '../attachments.ts'

/** Jobs that a worker has at a time: small directories are done before word of it has got to the main thread and back. */
export const jobsPerWorkerMax = 6

/** How much is done about compression. */
export type Compression = 'auto' | 'max' | 'off'

/**
 * Where files are cut into chunks: where their content says so, or every so many bytes. The second is for databases,
 * whose pages never move: a multiple of the page's size, 4 KiB to 8 MiB.
 */
export type Chunking = { readonly kind: 'content' } | { readonly kind: 'fixed'; readonly bytes: number }

/** What a worker is told once, when it starts. */
export interface BackupWorkerData {
  readonly key: MasterKey
  readonly gearKey: Uint8Array
  readonly index: SharedBlobIndex
  readonly repositoryVersion: 1 | 2
  readonly compression: Compression
  readonly chunking: Chunking
  readonly packBytesTarget: number
  readonly excludes: ExcludeDefinition
  readonly withAtime: boolean
  /** Files are read even if they are unchanged by their metadata. */
  readonly readAll: boolean
  /** Nothing is to be stored: blobs are hashed and counted only. */
  readonly dryRun: boolean
  /** Of a backup of a stream: where the main thread puts what the workers are to store. */
  readonly streamMemory?: SharedArrayBuffer
}

/** A file whose content is still to be read, found in a directory. */
export interface PendingFile {
  /** Place of its node in the directory's list. */
  readonly at: number
  readonly name: ByteName
  readonly size: number
  /** The parent snapshot held something of this name. */
  readonly isKnown: boolean
  /** Its node in the parent snapshot, where its metadata are the same and it is read all the same. */
  readonly same: string | undefined
}

/** A name in a directory that was named by the user, or leads to what was. */
export interface SelectedName {
  readonly name: ByteName
  /** Something below it was named: it is a directory then, or a symlink to one, which is followed. */
  readonly isOnTheWay: boolean
}

/** A directory found in a directory. */
export interface PendingDirectory {
  readonly at: number
  readonly name: ByteName
  /** Its node's JSON up to, not with, the subtree's id. */
  readonly nodeBeginning: string
  readonly parentSubtree: Id | undefined
  /** Its own metadata are as in the parent snapshot. */
  readonly isUnchanged: boolean
  /** The rules leave it out: it is there only for what was named below it. */
  readonly isExcluded: boolean
}

/** What workers do, one at a time each. */
export type BackupJob =
  /** The first one: what the work is. */
  | { readonly kind: 'begin'; readonly data: BackupWorkerData }
  | {
      readonly kind: 'directory'
      readonly path: ByteName
      /** Names that are backed up, sorted. Rules of exclusion do not hold for them. */
      readonly named: readonly SelectedName[]
      /** All other entries are backed up too, but for what the rules leave out. */
      readonly isWhole: boolean
      /** Whether it may be a symlink: the user named it, or something below it. */
      readonly symlink: 'follow' | 'refuse'
      /** Its tree in the parent snapshot, and that tree's id. */
      readonly parent: SharedSealedBlob | undefined
      readonly parentTree: Id | undefined
      /** Device that its subtree must stay on; undefined where any will do. */
      readonly device: number | undefined
      /** `nodes`: the tree is not stored, and the nodes are told even where nothing is pending. */
      readonly answer: 'tree' | 'nodes'
    }
  | {
      readonly kind: 'files'
      readonly directory: ByteName
      readonly symlink: 'follow' | 'refuse'
      readonly files: readonly PendingFile[]
    }
  /** Cuts a large file into chunks from an offset on, as far as one scan goes. */
  | { readonly kind: 'scan'; readonly path: ByteName; readonly from: number }
  /** Stores chunks of a large file that follow each other from an offset on. */
  | { readonly kind: 'chunks'; readonly path: ByteName; readonly from: number; readonly lengths: readonly number[] }
  /** Makes the node of a large file of which `bytes` were read as these blobs. */
  | {
      readonly kind: 'node'
      readonly path: ByteName
      readonly ids: readonly Id[]
      readonly bytes: number
      /** Its state before the first byte was read. */
      readonly stat: FileStat
    }
  /** Stores chunks that follow each other in the stream's memory, which the main thread has filled. */
  | {
      readonly kind: 'pieces'
      readonly start: number
      readonly lengths: readonly number[]
      /** Of each that is a group of pages the bytes of a page; 0 for those that are stored as they are. */
      readonly pageBytes: readonly number[]
    }
  | { readonly kind: 'tree'; readonly nodes: readonly string[] }
  /** Stores small files in a directory of their own, and the tree of these nodes and that directory. */
  | { readonly kind: 'attach'; readonly nodes: readonly string[]; readonly files: readonly Attachment[] }
  /** The SHA-256 of the first bytes of a buffer that the main thread has filled. */
  | { readonly kind: 'hash'; readonly buffer: SharedArrayBuffer; readonly length: number }
  /** Hands over the packs that are not full. */
  | { readonly kind: 'flush' }
  /** Lets go of everything; the next job is another `begin`. */
  | { readonly kind: 'rest' }

/** What was stored by a job. */
export interface Stored {
  dataBlobs: number
  treeBlobs: number
  /** Bytes before and after compression and sealing. */
  dataAdded: number
  dataAddedPacked: number
  treesAdded: number
}

export interface FilesCount {
  filesNew: number
  filesChanged: number
  filesUnmodified: number
  bytes: number
}

export interface DirectoryAnswer {
  readonly kind: 'directory'
  /** The directory itself can not be read, or is gone; a gap says so. */
  readonly isAbsent: boolean
  /** The tree's id, where nothing is pending and it was asked for: the nodes are told then only of a directory with names. */
  readonly tree: Id | undefined
  /** The device that it lies on. */
  readonly device: number
  /** JSON of each node in order; undefined for the pending ones. */
  readonly nodes: readonly (string | undefined)[]
  readonly directories: readonly PendingDirectory[]
  readonly files: readonly PendingFile[]
  readonly count: FilesCount
  readonly gaps: readonly Gap[]
  readonly stored: Stored
}

/** Result of a pending file: its node, or none where it vanished. */
export interface FileAnswer {
  readonly at: number
  readonly node: string | undefined
}

export type BackupAnswer =
  | DirectoryAnswer
  | {
      readonly kind: 'files'
      readonly files: readonly FileAnswer[]
      readonly count: FilesCount
      readonly gaps: readonly Gap[]
      readonly stored: Stored
    }
  | {
      readonly kind: 'scan'
      /** Lengths of the chunks from `from` on. */
      readonly lengths: readonly number[]
      readonly isAtEnd: boolean
      /** The file's state before this scan; undefined where a gap says that it can not be read. */
      readonly stat: FileStat | undefined
      readonly gap: Gap | undefined
    }
  | {
      readonly kind: 'chunks'
      readonly ids: readonly Id[]
      readonly bytes: number
      readonly gap: Gap | undefined
      readonly stored: Stored
    }
  | { readonly kind: 'node'; readonly node: string | undefined; readonly gaps: readonly Gap[] }
  | { readonly kind: 'pieces'; readonly ids: readonly (readonly Id[])[]; readonly stored: Stored }
  | { readonly kind: 'tree'; readonly tree: Id; readonly stored: Stored }
  | { readonly kind: 'attach'; readonly tree: Id; readonly stored: Stored }
  | { readonly kind: 'hash'; readonly id: Id }
  | { readonly kind: 'begin' }
  | { readonly kind: 'flush' }
  | { readonly kind: 'rest' }

/** Told by a worker when a pack is ready in its slot; the slot is free again once the main thread says so. */
export interface PackReady {
  readonly kind: 'pack'
  /** Undefined for a pack in memory of its own. */
  readonly slot: number | undefined
  readonly states: Int32Array<SharedArrayBuffer>
  readonly id: Id
  /** Region of the worker's shared memory. */
  readonly buffer: SharedArrayBuffer
  readonly start: number
  readonly end: number
  /** Of all its blobs. */
  readonly type: BlobType
  /** Their ids, one behind the other. */
  readonly ids: string
  /** Of each blob in turn the sealed length and the length before compression, 0 where it is not compressed. */
  readonly lengths: Uint32Array
}
