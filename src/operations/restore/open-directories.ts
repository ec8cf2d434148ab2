import type { ByteName } from '../../base/byte-name.ts'
import type { TargetDirectory } from '../../sources/files/target-directory.ts'
import type { TargetFolder } from '../../sources/files/target-folder.ts'

/** Directories that are kept open: successive files mostly lie in the same ones. */
const openMax = 64

/** A thread's way into the target, and the directories last used with it. Closing it closes the folder too. */
export class OpenDirectories implements Disposable {
  readonly #folder: TargetFolder
  /** The one used longest ago comes first. */
  readonly #open = new Map<string, TargetDirectory>()
  #last: { readonly names: readonly ByteName[]; readonly directory: TargetDirectory } | undefined

  constructor(folder: TargetFolder) {
    this.#folder = folder
  }

  /** The descriptor of the target itself, for TargetFolder.attach() in another thread. */
  get fd(): number {
    return this.#folder.root.fd
  }

  /**
   * The directory that these names lead to. It stays open until 63 others were asked for since it was last asked for,
   * so a caller may hold two at a time. Throws Failure `target_unsafe` or `target_failed`.
   */
  get(names: readonly ByteName[]): TargetDirectory {
    if (names.length === 0) return this.#folder.root
    if (this.#last?.names === names) return this.#last.directory
    const directory = this.#find(names)
    this.#last = { names, directory }
    return directory
  }

  close(): void {
    for (const directory of this.#open.values()) directory.close()
    this.#open.clear()
    this.#folder.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  #find(names: readonly ByteName[]): TargetDirectory {
    const path = names.join('/')
    const known = this.#open.get(path)
    if (known !== undefined) {
      this.#open.delete(path) // The one last used goes last.
      this.#open.set(path, known)
      return known
    }
    const directory = this.#folder.directory(names)
    for (const [oldest, unused] of this.#open) {
      if (this.#open.size < openMax) break
      this.#open.delete(oldest)
      unused.close()
    }
    this.#open.set(path, directory)
    return directory
  }
}
