import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '../../base/error-code.ts'

interface PendingSync {
  begun: boolean
  readonly done: Promise<void>
}

/**
 * Makes the names in folders durable (fsync of the folder). Calls for one folder that come while a sync of it
 * runs share the one that follows; a call never rides on a sync that began before it.
 */
export class FolderSync {
  readonly #syncFolder: (folder: string) => Promise<void>
  readonly #last = new Map<string, PendingSync>()
  /** Folders whose own names are known to be durable up to the root. */
  readonly #anchored: Set<string>

  /** `root` is the folder whose own name is somebody else's to keep. */
  constructor(root: string, syncOne: (folder: string) => Promise<void> = syncFolder) {
    this.#syncFolder = syncOne
    this.#anchored = new Set([root])
  }

  /** Resolves when every name that was in `folder` at the time of the call is durable, and the folder itself is. */
  async sync(folder: string): Promise<void> {
    const last = this.#last.get(folder)
    await (last !== undefined && !last.begun ? last.done : this.#begin(folder, last))
    if (this.#anchored.has(folder)) return
    // Another process may have made the folder and died before it synced the one above.
    await this.sync(dirname(folder))
    this.#anchored.add(folder)
  }

  #begin(folder: string, last: PendingSync | undefined): Promise<void> {
    const run = async (): Promise<void> => {
      await last?.done.catch(() => {}) // Whoever asked for that sync hears of its failure.
      pending.begun = true
      try {
        await this.#syncFolder(folder)
      } finally {
        if (this.#last.get(folder) === pending) this.#last.delete(folder)
      }
    }
    const pending: PendingSync = { begun: false, done: Promise.resolve().then(run) }
    this.#last.set(folder, pending)
    return pending.done
  }
}

async function syncFolder(folder: string): Promise<void> {
  await using handle = await open(folder, 'r')
  try {
    await handle.sync()
  } catch (error) {
    // Some network and FUSE file systems have no sync for folders; there is nothing better to ask of them.
    if (!['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(errorCode(error) ?? '')) throw error
  }
}
