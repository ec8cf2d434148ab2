import { execFileSync } from 'node:child_process'
import { accessSync, constants, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A restic binary of this machine. */
export interface Restic {
  readonly path: string
  /** "0.19.1" */
  readonly version: string
  /** "restic 0.19.1 compiled with go1.26 on linux/amd64" */
  readonly description: string
}

/** Every restic on the PATH, by whatever name that begins with "restic", newest first, one for each version. */
export function findRestics(searchPath = process.env.PATH ?? ''): Restic[] {
  const paths = searchPath.split(delimiter).flatMap((folder) => {
    try {
      return readdirSync(folder)
        .filter((name) => /^restic([-_.]?[\w.]+)?$/.test(name))
        .map((name) => join(folder, name))
    } catch {
      return [] // The PATH may name folders that are not there.
    }
  })
  const found = paths.flatMap((path) => resticAt(path) ?? [])
  const newestFirst = found.toSorted((a, b) => compareVersions(b.version, a.version))
  return newestFirst.filter((one, index) => newestFirst.findIndex(({ version }) => version === one.version) === index)
}

/** The restic at this path; undefined where there is none. */
export function resticAt(path: string): Restic | undefined {
  try {
    accessSync(path, constants.X_OK)
    const description = execFileSync(path, ['version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
    const version = /^restic (\d+\.\d+\.\d+)/.exec(description)?.[1]
    return version === undefined ? undefined : { path, version, description }
  } catch {
    return undefined // Not executable here, or no restic.
  }
}

/** Whether a version is at least another: "0.18.0". */
export function isAtLeast(version: string, least: string): boolean {
  return compareVersions(version, least) >= 0
}

/** Whether it can tell a link's target that is not UTF-8: it knows "linktarget_raw". */
export function keepsOddTargets({ version }: Pick<Restic, 'version'>): boolean {
  return isAtLeast(version, '0.16.0')
}

function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true })
}
