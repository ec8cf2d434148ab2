import { mkdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { throwIfStopped } from '../../base/abort.ts'
import { errorCode } from '../../base/error-code.ts'
import { requireObjectName } from '../object-name.ts'
import { FolderSync } from './folder-sync.ts'
import { Lanes } from './lanes.ts'
import { folderMissing, localFailure } from './local-failure.ts'

export const folderMode = 0o700
export const fileMode = 0o600

/** Node works on four files at the same time; those that wait for the disk must leave room for those that write. */
const syncsMax = 2

/** The folder that a local storage lives in, and what its parts share. */
export class LocalFolder {
  readonly path: string
  /** Where the bytes of files wait to be durable. */
  readonly syncLanes = new Lanes(syncsMax)
  readonly #sync: FolderSync

  constructor(path: string) {
    this.path = resolve(path)
    this.#sync = new FolderSync(this.path)
  }

  /** The path of an object's file. */
  filePath(objectName: string): string {
    requireObjectName(objectName)
    return join(this.path, objectName)
  }

  /** Makes the names in this folder durable. */
  async sync(folder: string): Promise<void> {
    await this.#sync.sync(folder)
  }

  /** Makes the folders between the storage's own and `folder`, which lies below it. They are durable after sync(). */
  async make(folder: string): Promise<void> {
    if (folder === this.path) {
      await this.requirePresent()
      return
    }
    try {
      await mkdir(folder, { mode: folderMode })
    } catch (error) {
      if (errorCode(error) === 'EEXIST') return
      if (errorCode(error) !== 'ENOENT') throw error
      await this.make(dirname(folder))
      await mkdir(folder, { mode: folderMode }).catch((again: unknown) => {
        if (errorCode(again) !== 'EEXIST') throw again // Another writer was faster.
      })
    }
  }

  /** Throws Failure `repository_missing` where the storage's own folder is not there (any more). */
  async requirePresent(): Promise<void> {
    try {
      await stat(this.path)
    } catch (error) {
      const code = errorCode(error)
      if (code === 'ENOENT' || code === 'ENOTDIR') throw folderMissing(this.path, error)
      throw localFailure(error, 'open folder', this.path, this.path)
    }
  }
}

/** Folders of restic's layout below `data/`: 00 to ff. */
const dataFolders = Array.from({ length: 256 }, (_, at) => `data/${at.toString(16).padStart(2, '0')}`)

/**
 * Makes the folder of a local storage with the folders of restic's layout, readable by its owner only. What is
 * there already is left as it is. Durable when it resolves. Failures: storage codes.
 */
export async function createLocalFolder(path: string, signal: AbortSignal): Promise<void> {
  const folder = new LocalFolder(path)
  try {
    throwIfStopped(signal)
    await makeFolders(folder.path)
    for (const below of ['keys', 'locks', 'snapshots', 'index', 'data', ...dataFolders]) {
      throwIfStopped(signal)
      await folder.make(join(folder.path, below))
    }
    await folder.sync(join(folder.path, 'data'))
    await new FolderSync(dirname(folder.path)).sync(dirname(folder.path))
  } catch (error) {
    throw localFailure(error, 'make folder', folder.path, folder.path)
  }
}

/**
 * Makes a folder and what is missing above it; the names of all but the folder itself are durable then. Not by mkdir()
 * with `recursive`: in /proc that never ends.
 */
async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: folderMode })
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return // Whether it is a folder, what is made in it tells.
    const above = dirname(path)
    if (errorCode(error) !== 'ENOENT' || above === path) throw error
    await makeFolders(above)
    await new FolderSync(dirname(above)).sync(dirname(above))
    await mkdir(path, { mode: folderMode }).catch((again: unknown) => {
      if (errorCode(again) !== 'EEXIST') throw again // Another writer was faster.
    })
  }
}
