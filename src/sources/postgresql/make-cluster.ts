import { spawn } from 'node:child_process'
import { chown, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '../../base/failure.ts'
import { errorMessage } from '../../base/error-message.ts'
import type { User } from '../../posix/user-named.ts'

export interface NewCluster {
  /** The folder that holds `initdb`. */
  readonly binFolder: string
  /** Made; there must be nothing. */
  readonly dataFolder: string
  /** Whose it becomes, where this process is root. */
  readonly owner: User | undefined
  /** Name of the role that may do anything. */
  readonly superuser: string
  readonly searchPath: string
}

const wordsMax = 64 * 1024

/** Makes an empty cluster with checksums for a sandbox. Failure `command_failed` with the words of initdb. */
export async function makeCluster(cluster: NewCluster, signal: AbortSignal): Promise<void> {
  const { binFolder, dataFolder, owner, superuser, searchPath } = cluster
  await mkdir(dataFolder, { mode: 0o700 })
  if (owner !== undefined) await chown(dataFolder, owner.uid, owner.gid)
  const words = [
    '-D',
    dataFolder,
    '-U',
    superuser,
    '--auth=reject',
    '--encoding=UTF8',
    '--locale=C',
    '--data-checksums',
  ]
  const child = spawn(join(binFolder, 'initdb'), [...words, '--no-sync', '--no-instructions'], {
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: searchPath, TZ: 'UTC', LC_ALL: 'C' },
    signal,
    ...(owner === undefined ? {} : { uid: owner.uid, gid: owner.gid }),
  })
  let said = ''
  child.stderr.on('data', (part: Buffer) => {
    said = (said + part.toString('utf8')).slice(-wordsMax)
  })
  const end = await new Promise<string | undefined>((resolve) => {
    child.on('error', (error) => resolve(errorMessage(error)))
    child.on('close', (code, killer) => resolve(code === 0 ? undefined : `it ended with ${code ?? killer}`))
  })
  signal.throwIfAborted()
  if (end === undefined) return
  throw new Failure('command_failed', `Cannot make a cluster in "${dataFolder}": initdb: ${end}: ${said.trim()}`)
}
