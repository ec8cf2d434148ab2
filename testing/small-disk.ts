import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A file system of its own, of few MiB, unmounted at the end of the caller's block. */
export interface SmallDisk extends Disposable {
  /** Makes it so large; what is there stays. */
  grow(megabytes: number): void
}

/**
 * Why there can be none here, false where there can: for the `skip` of node:test. Tried, since a container may be root and
 * mount nothing.
 */
export const noSmallDisk: string | false = whyNone()

/** Mounts one at a folder, which is made. `options`: of a tmpfs, besides its size. */
export function mountSmallDisk(path: string, megabytes: number, options: readonly string[] = []): SmallDisk {
  mkdirSync(path, { recursive: true })
  const all = [`size=${megabytes}m`, ...options].join(',')
  execFileSync('mount', ['-t', 'tmpfs', '-o', all, 'tmpfs', path], { stdio: 'pipe' })
  return {
    grow: (size) => {
      execFileSync('mount', ['-o', `remount,size=${size}m`, path])
    },
    [Symbol.dispose]: () => {
      execFileSync('umount', [path])
    },
  }
}

function whyNone(): string | false {
  if (process.getuid?.() !== 0) return 'only root can mount a small file system'
  const path = mkdtempSync(join(tmpdir(), 'zakops-mount-'))
  try {
    mountSmallDisk(path, 1)[Symbol.dispose]()
    return false
  } catch {
    return 'this machine lets nobody mount a small file system'
  } finally {
    rmdirSync(path)
  }
}
