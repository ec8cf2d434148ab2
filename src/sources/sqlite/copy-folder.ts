import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../../base/error-code.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure } from '../../base/failure.ts'
import type { RandomBytes } from '../../base/random.ts'
import { toHex } from '../../base/hex.ts'
import { tryLock } from '../../posix/file-lock.ts'

const prefix = 'sqlite-'
const lockName = 'lock'
const trialsMax = 10
/** Room that is left for others. */
const spareBytes = 16n * 1024n * 1024n

/** A folder of this process alone (mode 0700) for one temporary copy; it goes away at the end of the caller's block. */
export interface CopyFolder extends Disposable {
  /** Nothing else lies there. */
  readonly path: string
}

/**
 * Makes one below `workFolder`, which is made where it is missing, and removes those that processes left which died: each is
 * held by a lock that goes with its process. Failures: `target_failed` where none can be made, `storage_full` where there is
 * no room for `bytes`.
 */
export function makeCopyFolder(workFolder: string, bytes: bigint, random: RandomBytes): CopyFolder {
  try {
    mkdirSync(workFolder, { recursive: true, mode: 0o700 })
    sweep(workFolder)
    requireRoom(workFolder, bytes)
    return makeLocked(workFolder, random)
  } catch (error) {
    if (error instanceof Failure || errorCode(error) === undefined) throw error
    throw new Failure('target_failed', `Cannot make a temporary copy in "${workFolder}": ${errorMessage(error)}`, {
      cause: error,
    })
  }
}

function makeLocked(workFolder: string, random: RandomBytes): CopyFolder {
  for (let trial = 1; ; trial++) {
    const folder = join(workFolder, `${prefix}${toHex(random(8))}`)
    mkdirSync(folder, { mode: 0o700 })
    const fd = openSync(join(folder, lockName), 'wx', 0o600)
    if (!tryLock(fd, 'exclusive')) {
      // Another process swept just then, and took it for one that was left behind.
      closeSync(fd)
      if (trial < trialsMax) continue
      throw new Failure('target_failed', `Cannot make a temporary copy in "${workFolder}": others keep removing it`)
    }
    const path = join(folder, 'copy')
    mkdirSync(path, { mode: 0o700 })
    return {
      path,
      [Symbol.dispose]: () => {
        rmSync(folder, { recursive: true, force: true })
        closeSync(fd)
      },
    }
  }
}

function requireRoom(workFolder: string, bytes: bigint): void {
  const { bavail, bsize } = statfsSync(workFolder, { bigint: true })
  const free = bavail * bsize
  if (free >= bytes + spareBytes) return
  throw new Failure(
    'storage_full',
    `Cannot make a temporary copy in "${workFolder}": ${free} bytes are free, expected ${bytes + spareBytes}`,
  )
}

/** Removes what dead processes left. A folder whose lock is not there yet is being made, or its maker died within an instant. */
function sweep(workFolder: string): void {
  for (const name of readdirSync(workFolder)) {
    if (!name.startsWith(prefix)) continue
    const folder = join(workFolder, name)
    let fd: number
    try {
      fd = openSync(join(folder, lockName), 'r+')
    } catch {
      continue // It has no lock yet, or another process is removing it.
    }
    try {
      if (tryLock(fd, 'exclusive')) rmSync(folder, { recursive: true, force: true })
    } finally {
      closeSync(fd)
    }
  }
}
