import type { ByteName } from '../../base/byte-name.ts'
import type { Clock } from '../../base/clock.ts'
import type { Id } from '../../model/id.ts'
import type { Node } from '../../model/node.ts'
import type { Snapshot, SnapshotSummary } from '../../model/snapshot.ts'
import type { Repository } from '../../repository/repository.ts'
import type { ExcludeDefinition } from '../../sources/files/exclude-rules.ts'
import type { Gap } from '../../sources/files/gap.ts'
import type { Attachment } from '../attachments.ts'
import type { ProgressSink } from '../progress.ts'
import type { Chunking, Compression } from './backup-job.ts'
import type { RestingThreads } from '../../kernels/resting-threads.ts'
import type { BackupWorkers } from './backup-workers.ts'

/** What to back up, and how. */
export interface BackupRequest {
  readonly repository: Repository
  /** Files and directories. */
  readonly paths: readonly ByteName[]
  /** The paths as the snapshot names them and by which its parent is found, where what is read is a copy; `paths` in full else. */
  readonly snapshotPaths?: readonly ByteName[]
  /** Where relative paths start from; an absolute path. */
  readonly workingDirectory: ByteName
  readonly oneFileSystem?: boolean
  readonly hostname: string
  readonly username?: string
  readonly userId?: number
  readonly groupId?: number
  /** A function gives those that depend on how many gaps make the backup less than it should be. */
  readonly tags?: readonly string[] | ((holes: number) => readonly string[])
  readonly excludes: ExcludeDefinition
  /** The exclude patterns as the snapshot is to name them. */
  readonly excludePatterns?: readonly string[]
  /** The snapshot that tells what is unchanged: the latest one of this host and these paths, a given one, or none. */
  readonly parent: 'latest' | 'none' | { readonly id: Id }
  /** `all` reads every file; `changed` only those whose size, mtime, ctime or inode differ from the parent's. */
  readonly read: 'changed' | 'all'
  /**
   * `relied`: every pack that holds a blob on which the snapshot relies, and that was in the repository before, is read and its
   * SHA-256 compared with its name. What damaged or missing packs held is stored again from the source; not in a dry run.
   */
  readonly rehash?: 'relied'
  readonly dryRun?: boolean
  readonly withAtime?: boolean
  readonly compression?: Compression
  /** By content where it is not given. Files that are unchanged by their metadata keep the chunks of the parent. */
  readonly chunking?: Chunking
  /** Size at which a pack is full, bytes; 16 MiB where it is not given. */
  readonly packBytes?: number
  /** The snapshot's time; now where it is not given. */
  readonly time?: Date
  /** Stores no snapshot where its tree is that of the parent. */
  readonly skipIfUnchanged?: boolean
  /**
   * Gives small files, such as the manifest, that go into the snapshot as "/.zakops-backup/<name>". It is called when all of the
   * source is stored and can be read from the repository, and before the snapshot is; not in a dry run. What it throws
   * ends the backup without a snapshot. They are not counted as files of the source.
   */
  readonly attach?: (source: SourceFacts) => Promise<readonly Attachment[]>
  /** Number of worker threads; as many as there are cores where it is not given. */
  readonly workers?: number
}

/** What was backed up, as it is known when attachments are made. */
export interface SourceFacts {
  /** Name of the tree of the source's entries: equal entries have equal names. That tree itself is not stored. */
  readonly tree: Id
  /** Its nodes; the trees below are stored. */
  readonly nodes: readonly Node[]
  readonly gaps: readonly Gap[]
  readonly gapsOmitted: number
  /** Counted so far. */
  readonly summary: SnapshotSummary
  readonly parent: Snapshot | undefined
  /** The parent has the same entries, attachments apart: everything in them is equal. */
  readonly isUnchanged: boolean
}

export interface BackupContext {
  /** Workers that were started before; backUp() ends them. It starts its own where there are none. */
  readonly workers?: BackupWorkers
  /** Where threads come from, and rest after a backup that went well, where there are no such workers. */
  readonly threads?: RestingThreads
  readonly clock: Clock
  readonly progress: ProgressSink
  /** For the snapshot's program_version. */
  readonly programVersion: string
}

export interface BackupReport {
  /** Undefined after a dry run, and where nothing changed and `skipIfUnchanged` was asked for. */
  readonly snapshotId: Id | undefined
  readonly parentId: Id | undefined
  readonly tree: Id
  readonly summary: SnapshotSummary
  /** What is missing from the snapshot, or may be torn in it. */
  readonly gaps: readonly Gap[]
  /** Gaps that are not listed, because there are too many; there are many holes among the others then, or notes. */
  readonly gapsOmitted: number
  /**
   * Packs of the repository that are damaged or gone: what of them was needed was stored once more from the source. To be
   * looked at with `check`, and mended with `heal` where older snapshots need them.
   */
  readonly packsWithdrawn: readonly Id[]
  /** Packs that `rehash` read, each once, and their bytes. */
  readonly packsRehashed: { readonly packs: number; readonly bytes: number }
  /** Sentences: what was not done as it might be, though nothing is missing. */
  readonly warnings?: readonly string[]
}
