import { test, type TestContext } from 'node:test'
import { findRestics, type Restic } from '../testing/restic.ts'
import { temporaryFolder, type TemporaryFolder } from '../testing/temporary-folder.ts'
import { restic as runRestic } from './program.ts'

/** One of the machine's restics, ready to be called. */
export interface ResticCall {
  readonly path: string
  readonly version: string
  (words: readonly string[], options?: Parameters<typeof runRestic>[3]): ReturnType<typeof runRestic>
}

const found = findRestics()

/**
 * A test that needs restic: run once with each version that the PATH holds. Without any it is skipped and says so; with
 * CI=true scripts/run-tests.ts makes a failure of that.
 */
export function interopTest(
  name: string,
  body: (world: { context: TestContext; folder: TemporaryFolder; restic: ResticCall }) => Promise<void>,
): void {
  if (found.length === 0) test(name, { skip: 'there is no restic on the PATH' }, () => {})
  for (const one of found) {
    test(`${name}, restic ${one.version}`, async (context) => {
      await using folder = temporaryFolder('interop')
      await body({ context, folder, restic: callOf(one, folder) })
    })
  }
}

function callOf(one: Restic, folder: TemporaryFolder): ResticCall {
  const call = (words: readonly string[], options?: Parameters<typeof runRestic>[3]) =>
    runRestic(one.path, folder.at('restic-cache'), words, options)
  return Object.assign(call, { path: one.path, version: one.version })
}
