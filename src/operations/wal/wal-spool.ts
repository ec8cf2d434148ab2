import { mkdir, open, readdir, rename, rm, copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import { mayMakeTablespaces } from './wal-tablespaces.ts'
import { parseWalName } from '../../sources/postgresql/wal-name.ts'
import type { WalArchive } from './wal-archive.ts'

export interface SpoolContext {
  readonly archive: WalArchive
  readonly systemIdentifier: string
  /** Tells the unfinished files of several processes apart. */
  readonly processId: number
}

/** Where the segments of a source wait, below the state folder of a policy; each system has a folder of its own in it. */
export function walSpoolFolder(state: string, source: string): string {
  return join(state, 'work', `wal-spool-${source}`)
}

/** How often the spool is looked at while it is full, ms. */
const lookMs = 25

/**
 * A folder with segments that were fetched and verified before the server asks for them. Each is written under another
 * name, synced, and renamed: what has a segment's name is whole, also after a crash.
 */
export class WalSpool {
  readonly folder: string
  readonly #context: SpoolContext

  /** `parent` may serve several systems: each has its own folder in it. */
  constructor(parent: string, context: SpoolContext) {
    this.folder = join(parent, context.systemIdentifier)
    this.#context = context
  }

  /** Moves a segment to where the server wants it; false where it is not here. */
  async take(name: string, target: string): Promise<boolean> {
    const from = join(this.folder, name)
    try {
      await rename(from, target)
      return true
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return false
      if (errorCode(error) !== 'EXDEV') throw targetFailed(target, error)
    }
    try {
      await copyFile(from, `${target}.copy`)
      await rename(`${target}.copy`, target)
      await rm(from, { force: true })
      return true
    } catch (error) {
      throw targetFailed(target, error)
    }
  }

  /**
   * Fetches these segments in their order, as long as less than `aheadMax` wait here, and goes on as they are taken.
   * Ends at the end of the names, at the first that is not stored, or when nothing was taken for `idleMsMax`.
   */
  async keepFilled(
    names: Iterable<string>,
    limits: { readonly aheadMax: number; readonly idleMsMax: number },
    clock: Clock,
    signal: AbortSignal,
  ): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 })
    for (const name of names) {
      if (!(await this.#roomFor(name, limits, clock, signal))) return
      const found = await this.#context.archive.get({ ...this.#context, name }, signal)
      if (found === undefined) return
      // Such a segment may have to be changed for who asks for it: walFetch() sees to it.
      if (mayMakeTablespaces(found)) continue
      await this.#write(name, found.content)
    }
  }

  /** Waits until there is room; false where nobody takes anything. */
  async #roomFor(
    name: string,
    limits: { readonly aheadMax: number; readonly idleMsMax: number },
    clock: Clock,
    signal: AbortSignal,
  ): Promise<boolean> {
    const beginMs = clock.monotonicMs()
    for (;;) {
      const waiting = (await readdir(this.folder)).filter((file) => parseWalName(file) !== undefined)
      // Others that are taken out of turn, of another timeline or older, do not hold up what comes.
      if (waiting.length < limits.aheadMax || waiting.includes(name)) return true
      if (clock.monotonicMs() - beginMs > limits.idleMsMax) return false
      await clock.sleep(lookMs, signal)
    }
  }

  async #write(name: string, content: Uint8Array): Promise<void> {
    await writeWhole(join(this.folder, name), content, { processId: this.#context.processId, durable: true })
  }
}

/** Writes a file that has its name only when it is whole. */
export async function writeWhole(
  path: string,
  content: Uint8Array,
  options: { readonly processId: number; readonly durable: boolean },
): Promise<void> {
  const unfinished = `${path}.unfinished-${options.processId}`
  try {
    const file = await open(unfinished, 'w', 0o600)
    try {
      await file.writeFile(content)
      if (options.durable) await file.sync()
    } finally {
      await file.close()
    }
    await rename(unfinished, path)
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {}) // The first error says more.
    throw targetFailed(path, error)
  }
}

function targetFailed(path: string, cause: unknown): Failure {
  return new Failure('target_failed', `Cannot write "${path}"`, { cause })
}
