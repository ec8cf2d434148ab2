import { mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A new empty folder that goes away, with all that is in it, at the end of the caller's block. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string
  /** A path below it. */
  at(...names: string[]): string
}

/** Makes one below the machine's temporary folder, or below `parent`. `await using folder = temporaryFolder('e2e')` */
export function temporaryFolder(purpose: string, parent = tmpdir()): TemporaryFolder {
  const path = mkdtempSync(join(parent, `zakops-${purpose}-`))
  return {
    path,
    at: (...names) => join(path, ...names),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  }
}
