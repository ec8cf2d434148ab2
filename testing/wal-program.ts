/**
 * The WAL part of the program as commands of their own, for tests with real servers:
 *
 *   node testing/wal-program.ts push    SETTINGS %p
 *   node testing/wal-program.ts fetch   SETTINGS %f %p
 *   node testing/wal-program.ts receive SETTINGS URL
 *
 * SETTINGS is a JSON file: { folder, key }. The working folder of push and fetch is the data folder, as PostgreSQL has it.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { neverStopped } from '../src/base/abort.ts'
import { systemClock } from '../src/base/clock.ts'
import { isFailure } from '../src/base/failure.ts'
import { formatLsn } from '../src/sources/postgresql/lsn.ts'
import { receiveWal, type ReceiverEvent } from '../src/operations/wal/receive-wal.ts'
import { walFetch, walFetchExitCodes } from '../src/operations/wal/wal-fetch.ts'
import { walPush } from '../src/operations/wal/wal-push.ts'
import { readControlFile } from '../src/sources/postgresql/control-file.ts'
import { readWalProgramSettings } from './wal-program-settings.ts'

const [command, settingsPath, ...words] = process.argv.slice(2)
const signal = neverStopped()
using archive = readWalProgramSettings(readFileSync(settingsPath!, 'utf8'), (count) => randomBytes(count))
try {
  if (command === 'push') await walPush({ archive, path: resolve(words[0]!) }, signal)
  else if (command === 'fetch') process.exitCode = await fetchFile(words[0]!, resolve(words[1]!))
  else if (command === 'receive') await receive(words[0]!)
} catch (error) {
  console.error(isFailure(error) ? `${error.code}: ${error.message}` : error)
  process.exitCode = command === 'fetch' ? walFetchExitCodes.failed : 1
}

async function fetchFile(name: string, path: string): Promise<number> {
  const { systemIdentifier, segmentBytes } = await readControlFile('.')
  const request = {
    archive,
    systemIdentifier,
    segmentBytes,
    name,
    path,
    spoolFolder: undefined,
    processId: process.pid,
  }
  const answer = await walFetch({ ...request, walFolder: join(process.cwd(), 'pg_wal') }, signal)
  // The server calls this without bin/zakops-backup.
  return answer === 'fetched' ? walFetchExitCodes.fetched : 1
}

async function receive(url: string): Promise<void> {
  const request = { archive, connection: { url }, slot: 'zakops_backup', partEveryMs: 100 }
  await receiveWal(request, { clock: systemClock, onEvent: tell }, signal)
}

function tell(event: ReceiverEvent): void {
  if (event.kind === 'stored') console.log(`stored ${formatLsn(event.end)}`)
  else console.log(event.kind, event.kind === 'lost' ? event.failure.message : '')
}
