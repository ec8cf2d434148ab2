import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import type { TestContext } from 'node:test'

/** A file system of few MiB, unmounted at the end of the caller's block. */
export interface SmallDisk extends Disposable {
  /** Makes it so large; what is there stays. */
  grow(megabytes: number): void
}

/** Why there can be none here, false where there can: for the `skip` of node:test. */
export const noSmallDisk: string | false = process.getuid?.() === 0 ? false : 'only root can mount a small file system'

/** Mounts one at a folder that is made; undefined, and the test is skipped, where this machine lets nobody mount one. */
export function mountSmallDisk(path: string, megabytes: number, context: TestContext): SmallDisk | undefined {
  mkdirSync(path)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', path], { stdio: 'pipe' })
  } catch {
    // A container without the right to mount has no small disk to fill; e2e/trouble.test.ts is the same.
    context.skip('this machine lets nobody mount a small file system')
    return undefined
  }
  return {
    grow: (size) => {
      execFileSync('mount', ['-o', `remount,size=${size}m`, path])
    },
    [Symbol.dispose]: () => {
      execFileSync('umount', [path])
    },
  }
}
