import type { ByteName } from '../../base/byte-name.ts'
import type { TargetDirectory } from '../../sources/files/target-directory.ts'
import { TargetFolder } from '../../sources/files/target-folder.ts'

/** Directories that are kept open between jobs: successive files mostly lie in the same ones. */
const openMax = 64

/** A restore worker's way into the target: opened once, and the directories last used with it. */
export class OpenDirectories {
  readonly #folder: TargetFolder
  readonly #open = new Map<string, TargetDirectory>()

  constructor(target: ByteName) {
    this.#folder = TargetFolder.open(target, { create: false })
  }

  /** The directory that these names lead to. It stays open until the next 64 others were asked for. */
  get(names: readonly ByteName[]): TargetDirectory {
    if (names.length === 0) return this.#folder.root
    const path = names.join('/')
    const known = this.#open.get(path)
    if (known !== undefined) return known
    const directory = this.#folder.directory(names)
    for (const [oldest, unused] of this.#open) {
      if (this.#open.size < openMax) break
      this.#open.delete(oldest)
      unused.close()
    }
    this.#open.set(path, directory)
    return directory
  }

  close(): void {
    for (const directory of this.#open.values()) directory.close()
    this.#folder.close()
  }
}
