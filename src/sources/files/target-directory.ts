import { type ByteName, printableName } from '../../base/byte-name.ts'
import { errorCode } from '../../base/error-code.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure, isFailure } from '../../base/failure.ts'
import type { Node } from '../../model/node.ts'
import { type CString, cString } from '../../posix/c-string.ts'
import { forEachEntry } from '../../posix/directory-entries.ts'
import { makeNodeBits } from '../../posix/file-type.ts'
import { makeHardLinkAt, makeSymlinkAt, readLinkAt } from '../../posix/link.ts'
import { makeDirectoryAt, makeNodeAt, removeAt } from '../../posix/make-entry.ts'
import { libc } from '../../posix/libc.ts'
import { close, openAt, openFlags } from '../../posix/open.ts'
import { type FileStat, statAt, statOpen } from '../../posix/stat.ts'
import { setPermissions } from '../../posix/set-metadata.ts'
import { isSystemError } from '../../posix/system-error.ts'
import { applyMetadata, type MetadataProblem } from './apply-metadata.ts'
import { openFile } from './read-file.ts'
import { checkTargetName } from './target-name.ts'

const directoryFlags = openFlags.read | openFlags.directory | openFlags.noFollow
const newDirectoryMode = 0o700
const newFileMode = 0o600
/** Directories below each other that removeAll() goes down; a path of more would not fit any path either. */
const depthMax = 2048

/**
 * An open directory at or below the target of a restore. Everything is done relative to its descriptor and by plain
 * names, and no symlink is ever followed, so that nothing outside the target is touched, whatever a tree says and
 * whatever another process puts in the way meanwhile.
 *
 * What is in the way is replaced where nothing is lost that the snapshot does not say: a file, a symlink or an empty
 * directory. A directory that holds something, and a symlink in the place of a directory, are a Failure: what they
 * hold or lead to may be the user's.
 *
 * All methods throw Failure `target_unsafe` or `target_failed`.
 */
export class TargetDirectory implements Disposable {
  /** Open until close(); for statOpen() and the like. */
  readonly fd: number
  /** For messages. */
  readonly path: ByteName

  constructor(fd: number, path: ByteName) {
    this.fd = fd
    this.path = path
  }

  /** The directory of this name, made (for its owner only) where there is none. The caller closes it. */
  directory(name: ByteName): TargetDirectory {
    const text = cString(checkTargetName(name))
    const path = `${this.path}/${name}`
    return this.#attempt('make directory', name, () => {
      for (let attempt = 1; ; attempt++) {
        try {
          return new TargetDirectory(openWritable(this.fd, text), path)
        } catch (error) {
          if (attempt > 2 || !isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw error
          if (error.code !== 'ENOENT') this.#clearForDirectory(name)
        }
        try {
          makeDirectoryAt(this.fd, text, newDirectoryMode)
        } catch (error) {
          if (!isSystemError(error, 'EEXIST')) throw error // Somebody else made it: the next attempt opens that.
        }
      }
    })
  }

  /** What has this name; undefined where nothing has. */
  stat(name: ByteName): FileStat | undefined {
    const text = cString(checkTargetName(name))
    return this.#attempt('look at', name, () => {
      try {
        return statAt(this.fd, text)
      } catch (error) {
        if (isSystemError(error, 'ENOENT')) return undefined
        throw error
      }
    })
  }

  /** Where the symlink of this name points to. */
  linkTarget(name: ByteName): ByteName {
    const text = cString(checkTargetName(name))
    return this.#attempt('read symlink', name, () => readLinkAt(this.fd, text))
  }

  /** Names of all entries, in no order. */
  names(): ByteName[] {
    const names: ByteName[] = []
    return this.#attempt('list', '', () => {
      // A descriptor of its own, as listing moves its position.
      const fd = openAt(this.fd, cString('.'), directoryFlags)
      try {
        forEachEntry(fd, (name) => names.push(name))
      } finally {
        close(fd)
      }
      return names
    })
  }

  /** Makes an empty file in place of whatever was there, open for reading and writing. The caller closes the descriptor. */
  newFile(name: ByteName): number {
    const text = cString(checkTargetName(name))
    return this.#attempt('write', name, () => {
      const flags = openFlags.readWrite | openFlags.create | openFlags.exclusive | openFlags.noFollow
      try {
        return openAt(this.fd, text, flags, newFileMode)
      } catch (error) {
        if (!isSystemError(error, 'EEXIST')) throw error
      }
      removeAt(this.fd, text)
      return openAt(this.fd, text, flags, newFileMode)
    })
  }

  /**
   * Opens a regular file that is there, for reading and writing, with what it holds. Failure where there is none, and
   * for a file of more than one name, as its other names may be somebody else's. One that keeps even its owner out
   * is opened up: its mode is set anew when all is done. The caller closes the descriptor.
   */
  presentFile(name: ByteName): number {
    const text = cString(checkTargetName(name))
    return this.#attempt('write', name, () => {
      const flags = openFlags.readWrite | openFlags.noFollow | openFlags.nonBlocking
      let fd: number
      try {
        fd = openAt(this.fd, text, flags)
      } catch (error) {
        if (!isSystemError(error, 'EACCES') || statAt(this.fd, text).type !== 'file') throw error
        setPermissions({ directoryFd: this.fd, name: text }, newFileMode)
        fd = openAt(this.fd, text, flags)
      }
      const found = closingOthers(fd, (stat) => stat.type === 'file' && stat.links === 1)
      if (found === undefined) throw new Error('it is not a regular file of one name')
      return found
    })
  }

  /** Whether presentFile() would open the regular file of this name. Changes nothing. */
  isWritable(name: ByteName): boolean {
    const text = cString(checkTargetName(name))
    return this.#attempt('look at', name, () => {
      try {
        close(openAt(this.fd, text, openFlags.readWrite | openFlags.noFollow | openFlags.nonBlocking))
        return true
      } catch (error) {
        if (!isSystemError(error, 'EACCES', 'EPERM', 'EROFS', 'ETXTBSY')) throw error
        return error.code === 'EACCES' && statAt(this.fd, text).uid === libc.geteuid()
      }
    })
  }

  /**
   * Opens a regular file that is there, for reading only, and leaves its access time alone where the system lets us;
   * undefined where there is none. The caller closes it.
   */
  fileForReading(name: ByteName): number | undefined {
    checkTargetName(name)
    return this.#attempt('read', name, () => {
      try {
        return openFile(name, this.fd)?.fd
      } catch (error) {
        if (isSystemError(error, 'ENOENT', 'ELOOP', 'ENXIO')) return undefined
        throw error
      }
    })
  }

  /** Makes a symlink, whose target may be anything: nothing here ever follows it. */
  symlink(name: ByteName, target: ByteName): void {
    const text = cString(checkTargetName(name))
    this.#attempt('make symlink', name, () => {
      removeAt(this.fd, text)
      makeSymlinkAt(cString(target), this.fd, text)
    })
  }

  /** Gives a file of the target a further name. Nothing happens where both are the same file already. */
  hardLink(name: ByteName, source: { readonly directory: TargetDirectory; readonly name: ByteName }): void {
    const text = cString(checkTargetName(name))
    const sourceText = cString(checkTargetName(source.name))
    this.#attempt('make hard link', name, () => {
      const sourceStat = statAt(source.directory.fd, sourceText)
      const present = this.stat(name)
      if (present?.inode === sourceStat.inode && present.deviceId === sourceStat.deviceId) return
      removeAt(this.fd, text)
      makeHardLinkAt(source.directory.fd, sourceText, this.fd, text)
    })
  }

  /** Makes a fifo or a device. Failure `target_failed` for nodes of another type, and for devices without the right to make them. */
  specialFile(name: ByteName, node: Pick<Node, 'type' | 'device'>): void {
    const text = cString(checkTargetName(name))
    const typeBits = makeNodeBits(node.type)
    if (typeBits === undefined) {
      throw new Failure(
        'target_failed',
        `Cannot make "${this.#pathOf(name)}": type is ${node.type}, expected fifo or device`,
      )
    }
    this.#attempt(`make ${node.type}`, name, () => {
      removeAt(this.fd, text)
      makeNodeAt(this.fd, text, typeBits | newFileMode, node.device ?? 0)
    })
  }

  /** Gives the entry of this name its node's metadata; for files that are open, and directories, applyMetadata() by descriptor. */
  applyMetadata(name: ByteName, node: Node): MetadataProblem[] {
    return applyMetadata({ directoryFd: this.fd, name: cString(checkTargetName(name)) }, node)
  }

  /** Gives this directory itself its node's metadata: after all is done in it, as its times and its mode would suffer. */
  applyOwnMetadata(node: Node): MetadataProblem[] {
    return applyMetadata({ fd: this.fd }, node)
  }

  /** Removes the entry of this name with all that is in it. A symlink is removed itself; mount points are a Failure. */
  removeAll(name: ByteName, depth = 0): void {
    const text = cString(checkTargetName(name))
    this.#attempt('remove', name, () => {
      try {
        removeAt(this.fd, text)
        return
      } catch (error) {
        if (!isSystemError(error, 'ENOTEMPTY', 'EEXIST')) throw error
      }
      if (depth >= depthMax) throw new Error(`more than ${depthMax} directories below each other`)
      using inside = new TargetDirectory(openAt(this.fd, text, directoryFlags), `${this.path}/${name}`)
      for (const entry of inside.names()) inside.removeAll(entry, depth + 1)
      removeAt(this.fd, text)
    })
  }

  close(): void {
    close(this.fd)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #clearForDirectory(name: ByteName): void {
    if (this.stat(name)?.type !== 'symlink') {
      removeAt(this.fd, cString(name))
      return
    }
    throw new Failure(
      'target_unsafe',
      `Cannot restore into "${this.#pathOf(name)}": found a symlink, expected a directory or nothing`,
      { facts: { hint: 'Remove the symlink, or restore into an empty directory.' } },
    )
  }

  #pathOf(name: ByteName): string {
    return printableName(name === '' ? this.path : `${this.path}/${name}`)
  }

  /** Every system error becomes a Failure that names the path. */
  #attempt<Result>(verb: string, name: ByteName, action: () => Result): Result {
    try {
      return action()
    } catch (error) {
      if (isFailure(error)) throw error
      throw new Failure('target_failed', `Cannot ${verb} "${this.#pathOf(name)}": ${errorMessage(error)}`, {
        facts: { code: errorCode(error) },
        cause: error,
      })
    }
  }
}

/**
 * Opens a directory. One that an earlier restore gave a mode which keeps even its owner out is opened up to its owner:
 * it gets its own mode again when all is done in it.
 */
function openWritable(directoryFd: number, name: CString): number {
  if (libc.geteuid() === 0) return openAt(directoryFd, name, directoryFlags)
  let fd: number
  try {
    fd = openAt(directoryFd, name, directoryFlags)
  } catch (error) {
    if (!isSystemError(error, 'EACCES')) throw error
    setPermissions({ directoryFd, name }, newDirectoryMode)
    return openAt(directoryFd, name, directoryFlags)
  }
  const stat = statOpen(fd)
  if ((stat.mode & newDirectoryMode) !== newDirectoryMode && stat.uid === libc.geteuid()) {
    setPermissions({ fd }, (stat.mode & 0o777) | newDirectoryMode)
  }
  return fd
}

/** The descriptor where its file is what is wanted; otherwise it is closed. */
function closingOthers(fd: number, isWanted: (stat: FileStat) => boolean): number | undefined {
  let keep = false
  try {
    keep = isWanted(statOpen(fd))
  } finally {
    if (!keep) close(fd)
  }
  return keep ? fd : undefined
}
