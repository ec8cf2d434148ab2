import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode } from '../base/error-code.ts'
import { Failure } from '../base/failure.ts'
import { fileTrouble } from './file-trouble.ts'
import { syncFolder } from './sync-folder.ts'
import { writeSynced } from './write-new-file.ts'

/** The steps of a write, in their order. */
export const writeSteps = [
  'write new',
  'write previous',
  'keep previous',
  'sync previous',
  'commit',
  'sync commit',
  'replace previous',
  'sync replaced',
  'overwrite old bytes',
] as const
export type WriteStep = (typeof writeSteps)[number]

export interface KeyringWrite {
  readonly file: string
  readonly bytes: Uint8Array
  /** What is in the file now: undefined where there is none yet. */
  readonly before: Uint8Array | undefined
  /**
   * `keep` leaves the last version in <file>.previous. `replace` leaves no older version than the new one anywhere: for a key
   * that must be gone, or a secret that shall open nothing any more.
   */
  readonly last: 'keep' | 'replace'
  /** Throws where the right to write is lost. */
  readonly requireHeld: () => Promise<void>
  readonly onStep: (step: WriteStep) => void
}

/**
 * Replaces a keyring's file; the caller holds its lock. Crash order:
 *
 * 1. The new version under <file>.new, synced, read back. A crash leaves it there, and the next write starts over.
 * 2. The last version as <file>.previous, by a name of its own, sync and rename (`keep` only).
 * 3. The rename of <file>.new to <file>: the commit point. Before it the keyring is what it was, after it what it
 *    shall be; under its own name it is whole at each moment.
 * 4. `replace` only: <file>.previous becomes the new version too, then the bytes of the files that had the two names are
 *    overwritten where the file system left them. A crash before that leaves a <file>.previous with what should be
 *    gone: every later write replaces it, and check() tells of it.
 *
 * Each step may be run twice. Failures: storage codes, `keyring_busy`.
 */
export async function replaceKeyringFile(write: KeyringWrite): Promise<void> {
  const { file, bytes, before, last, requireHeld, onStep } = write
  const previous = `${file}.previous`
  const folder = dirname(file)
  await using old = new OldFiles()
  try {
    onStep('write new')
    await writeBeside(`${file}.new`, bytes)
    if (last === 'keep' && before !== undefined) {
      onStep('write previous')
      await writeBeside(`${previous}.new`, before)
      onStep('keep previous')
      await rename(`${previous}.new`, previous)
      onStep('sync previous')
      await syncFolder(folder)
    }
    if (last === 'replace') for (const path of [file, previous]) await old.hold(path)
    await requireUnchanged(file, before)
    await requireHeld()
    onStep('commit')
    await rename(`${file}.new`, file)
    onStep('sync commit')
    await syncFolder(folder)
    if (last === 'keep') return
    await writeBeside(`${previous}.new`, bytes)
    onStep('replace previous')
    await rename(`${previous}.new`, previous)
    onStep('sync replaced')
    await syncFolder(folder)
    onStep('overwrite old bytes')
    await old.overwrite()
  } catch (error) {
    throw fileTrouble(error, 'write keyring', file)
  }
}

/** Writes a file anew and reads it back: a disk that lies is found before the name is given. */
async function writeBeside(path: string, bytes: Uint8Array): Promise<void> {
  await rm(path, { force: true }) // Left by a crash; the lock says that nobody else is at it.
  await writeSynced(path, bytes)
  if (!(await readFile(path)).equals(bytes)) {
    throw new Failure('storage_unreachable', `Cannot write keyring "${path}": it reads back in other bytes`)
  }
}

/** A writer that does not know of the lock (an editor, a copy put back) must not be overwritten unseen. */
async function requireUnchanged(file: string, before: Uint8Array | undefined): Promise<void> {
  const now = await readFile(file).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  })
  if (now === undefined ? before === undefined : before !== undefined && now.equals(before)) return
  throw new Failure('keyring_busy', `Cannot write keyring "${file}": somebody changed it meanwhile`)
}

/** Files that are about to lose their names, held open to overwrite what they held. */
class OldFiles implements AsyncDisposable {
  readonly #handles: FileHandle[] = []

  async hold(path: string): Promise<void> {
    try {
      this.#handles.push(await open(path, 'r+'))
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error
    }
  }

  /** Zeros over what has no name left. What has one (a hard link that somebody made) is not ours to destroy. */
  async overwrite(): Promise<void> {
    for (const handle of this.#handles) {
      const { nlink, size } = await handle.stat()
      if (nlink > 0) continue
      await handle.write(Buffer.alloc(size), 0, size, 0)
      await handle.datasync()
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const handle of this.#handles) await handle.close()
  }
}
