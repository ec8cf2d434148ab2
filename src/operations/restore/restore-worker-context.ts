import type { BlobOpener } from '../../repository/blob-opener.ts'
import type { OpenDirectories } from './open-directories.ts'

/** What a restore worker has for all of its jobs. */
export interface RestoreWorkerContext {
  readonly directories: OpenDirectories
  readonly blobs: Pick<BlobOpener, 'openAt'>
  /** Whether blocks of zeros are left out of files. */
  readonly sparse: boolean
}
