import { type ByteName, printableName } from '../../base/byte-name.ts'
import { errorCode } from '../../base/error-code.ts'
import { errorMessage } from '../../base/error-message.ts'
import { Failure } from '../../base/failure.ts'
import { cString } from '../../posix/c-string.ts'
import { makeDirectoryAt } from '../../posix/make-entry.ts'
import { close, openAt, openFlags, workingDirectory } from '../../posix/open.ts'
import { openBeneath } from '../../posix/open-beneath.ts'
import { isSystemError } from '../../posix/system-error.ts'
import { TargetDirectory } from './target-directory.ts'
import { checkTargetName } from './target-name.ts'

const newDirectoryMode = 0o700

/**
 * The folder that a restore writes into. The user named it, so its own path may lead through symlinks; below it none is
 * followed. Each thread that restores opens its own.
 */
export class TargetFolder implements Disposable {
  readonly path: ByteName
  /** The folder itself. Closed with this. */
  readonly root: TargetDirectory

  private constructor(path: ByteName, fd: number) {
    this.path = path
    this.root = new TargetDirectory(fd, path)
  }

  /**
   * Opens the folder; with `create` makes it, and what is missing above it, for its owner only. Failure `path_missing`
   * where there is none, `target_failed` where it can not be used.
   */
  static open(path: ByteName, options: { readonly create: boolean }): TargetFolder {
    const flags = openFlags.read | openFlags.directory
    try {
      if (options.create) makeDirectories(path)
      return new TargetFolder(path, openAt(workingDirectory, cString(path), flags))
    } catch (error) {
      const code = isSystemError(error, 'ENOENT') && !options.create ? 'path_missing' : 'target_failed'
      throw new Failure(code, `Cannot open target "${printableName(path)}": ${errorMessage(error)}`, {
        facts: { code: errorCode(error) },
        cause: error,
      })
    }
  }

  /**
   * The folder that another thread has open by this descriptor, which stays open until the caller is done: the same
   * one, whatever has its path by now. `path` is for messages.
   */
  static attach(fd: number, path: ByteName): TargetFolder {
    try {
      return new TargetFolder(path, openAt(fd, cString('.'), openFlags.read | openFlags.directory))
    } catch (error) {
      throw new Failure('target_failed', `Cannot open target "${printableName(path)}": ${errorMessage(error)}`, {
        facts: { code: errorCode(error) },
        cause: error,
      })
    }
  }

  /** A directory below the folder by the names that lead to it, which is there already. The caller closes it. */
  directory(names: readonly ByteName[]): TargetDirectory {
    const path = [this.path, ...names].join('/')
    const flags = openFlags.read | openFlags.directory
    return new TargetDirectory(this.#open(names, flags), path)
  }

  /** Opens a regular file that was made before, for reading and writing, by the names that lead to it. The caller closes the descriptor. */
  file(names: readonly ByteName[]): number {
    return this.#open(names, openFlags.readWrite | openFlags.nonBlocking)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  close(): void {
    close(this.root.fd)
  }

  #open(names: readonly ByteName[], flags: number): number {
    const path = names.length === 0 ? '.' : names.map(checkTargetName).join('/')
    try {
      return openBeneath(this.root.fd, path, flags)
    } catch (error) {
      const shown = printableName([this.path, ...names].join('/'))
      if (isSystemError(error, 'ELOOP', 'EXDEV')) {
        throw new Failure('target_unsafe', `Cannot restore into "${shown}": a symlink is on the way`, {
          facts: { hint: 'Remove the symlink, or restore into an empty directory.' },
          cause: error,
        })
      }
      throw new Failure('target_failed', `Cannot open "${shown}": ${errorMessage(error)}`, {
        facts: { code: errorCode(error) },
        cause: error,
      })
    }
  }
}

/** Makes a directory and what is missing above it. Throws SystemError. */
function makeDirectories(path: ByteName): void {
  try {
    makeDirectoryAt(workingDirectory, cString(path), newDirectoryMode)
  } catch (error) {
    if (isSystemError(error, 'EEXIST')) return // Whether it is a directory, opening it tells.
    const parent = path.replace(/\/+[^/]+\/*$/, '')
    if (!isSystemError(error, 'ENOENT') || parent === path || parent === '') throw error
    makeDirectories(parent)
    makeOne(path)
  }
}

/** Fails where its parent is there and it still can not be made, as below a dangling symlink or in /proc. */
function makeOne(path: ByteName): void {
  try {
    makeDirectoryAt(workingDirectory, cString(path), newDirectoryMode)
  } catch (error) {
    if (!isSystemError(error, 'EEXIST')) throw error // Somebody else made it meanwhile.
  }
}
