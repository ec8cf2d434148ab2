import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { errorCode } from '../../base/error-code.ts'
import { Failure } from '../../base/failure.ts'
import { processBeginTicks } from '../../posix/process-identity.ts'

const usersTold = 5
const waitMsMax = 10_000
const waitEveryMs = 100

/**
 * The processes of a server that has a data folder in use: the one that its postmaster.pid names, where it lives, and every
 * other one of PostgreSQL that works in the folder, as those do for a while whose first process was killed. A file that is
 * left behind by a server that is gone, and whose number another program has now, counts for nothing.
 */
export function dataFolderUsers(dataFolder: string): number[] {
  let folder: string
  try {
    folder = realpathSync(dataFolder)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [] // Nobody works in what is not there.
    throw error
  }
  const users = new Set<number>()
  const named = postmasterOf(folder)
  // Whose folder can not be read may be in it.
  if (named !== undefined && [folder, undefined].includes(workFolderOf(named))) users.add(named)
  for (const entry of readdirSync('/proc')) {
    const processId = Number(entry)
    if (!Number.isInteger(processId) || workFolderOf(processId) !== folder) continue
    if (isPostgres(processId)) users.add(processId)
  }
  return [...users].toSorted((a, b) => a - b)
}

/** Failure `database_busy` where a server has the folder in use. */
export function requireUnusedDataFolder(dataFolder: string): void {
  const users = dataFolderUsers(dataFolder)
  if (users.length === 0) return
  const told = users.slice(0, usersTold).join(', ')
  throw new Failure(
    'database_busy',
    `Cannot replace data folder "${dataFolder}": a PostgreSQL server has it in use (process ${told}), expected it to be stopped`,
    {
      facts: {
        hint: 'Make the server itself a service of the source in the policy, so that it is stopped, or stop it',
      },
    },
  )
}

/** Waits a little for a server that is ending; then the same. */
export async function awaitUnusedDataFolder(dataFolder: string, clock: Clock, signal: AbortSignal): Promise<void> {
  const endMs = clock.monotonicMs() + waitMsMax
  while (dataFolderUsers(dataFolder).length > 0 && clock.monotonicMs() < endMs) await clock.sleep(waitEveryMs, signal)
  requireUnusedDataFolder(dataFolder)
}

function postmasterOf(folder: string): number | undefined {
  try {
    const processId = Number(readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n')[0])
    if (!Number.isInteger(processId) || processId <= 0) return undefined
    return processBeginTicks(processId) === undefined ? undefined : processId
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Undefined where we may not know it, or where the process is gone. */
function workFolderOf(processId: number): string | undefined {
  try {
    return readlinkSync(`/proc/${processId}/cwd`)
  } catch {
    return undefined // Its user is another one, or it has ended meanwhile.
  }
}

function isPostgres(processId: number): boolean {
  try {
    return readFileSync(`/proc/${processId}/comm`, 'utf8').startsWith('postgres')
  } catch {
    return false // It has ended meanwhile.
  }
}
