import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { neverStopped } from '../../base/abort.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
import { connectPostgresql } from '../../sources/postgresql/connection.ts'
import { answerMsMax } from '../../sources/postgresql/server-pulse.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import type { PostgresqlServer } from '../../../testing/postgresql-server.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { noProgress } from '../progress.ts'
import { dumpPostgresql } from './dump-postgresql.ts'

/** An hour of it is over in twelve seconds; but for an answer of the server it waits for some all the same. */
const hasty: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now() * 300,
  sleep: (ms, stop) => systemClock.sleep(ms === answerMsMax ? 4000 : ms / 300, stop),
}
const signal = neverStopped()

async function dump(
  server: PostgresqlServer,
  folder: TemporaryFolder,
  options: { readonly clock: Clock; readonly toolFolder?: string; readonly lockWaitMs?: number },
): ReturnType<typeof dumpPostgresql> {
  const { clock, toolFolder = server.binFolder, ...more } = options
  return await dumpPostgresql(
    {
      repository: await freshRepository(),
      source: 'shop',
      connection: { url: server.url, clock },
      toolFolders: [toolFolder],
      environment: { PATH: process.env.PATH ?? '' },
      workFolder: folder.at('work'),
      jobs: 2,
      tableBytesMax: 1_000_000,
      hostname: 'host',
      parent: undefined,
      workers: 1,
      ...more,
    },
    { clock, progress: noProgress, programVersion: 'test' },
    signal,
  )
}

/** The first process of a server and those that it started. */
function everyProcess(server: PostgresqlServer): number[] {
  const children = readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      return new RegExp(`^PPid:\\s*${server.pid}$`, 'm').test(readFileSync(`/proc/${name}/status`, 'utf8'))
    } catch {
      return false // It has ended.
    }
  })
  return [server.pid, ...children.map(Number)]
}

postgresqlTest(
  'dumpPostgresql() does not wait for a lock for ever, and says what to look for',
  { versions: [15] },
  async ({ server }) => {
    await using folder = temporaryFolder('stalled-dump')
    await server.psql('CREATE TABLE wanted AS SELECT 1 AS one')
    await using holder = await connectPostgresql({ url: server.url }, { kind: 'sql' }, signal)
    await holder.query('BEGIN')
    await holder.query('LOCK TABLE wanted')
    await assert.rejects(dump(server, folder, { clock: systemClock, lockWaitMs: 300 }), (error) => {
      assert.ok(isFailure(error, 'command_failed'))
      assert.match(error.message, /pg_dump.*LOCK TABLE public\.wanted/s)
      assert.match(String(error.facts.hint), /Somebody holds a lock.*run the backup again/)
      return true
    })
    await holder.query('ROLLBACK')
    assert.equal((await dump(server, folder, { clock: systemClock, lockWaitMs: 300 })).manifest.databases.length, 1)
    assert.deepEqual(readdirSync(folder.at('work')), [])
  },
)

postgresqlTest(
  'dumpPostgresql() gives a server up that hangs under one of its programs, and leaves nothing of the program behind',
  { versions: [15] },
  async ({ context, server }) => {
    for (const [tool, word] of [
      ['pg_dumpall', '--globals-only'],
      ['pg_dump', '--snapshot=*'],
    ] as const) {
      await context.test(tool, async () => {
        await giveUp(server, word)
      })
    }
  },
)

/** `word`: of the run of a program under which the server hangs. */
async function giveUp(server: PostgresqlServer, word: string): Promise<void> {
  await using folder = temporaryFolder('stalled-dump')
  // Tells that it was started, and goes on once the server is stopped.
  const toolFolder = folder.at('tools')
  mkdirSync(toolFolder)
  for (const tool of ['pg_dump', 'pg_dumpall', 'pg_restore']) {
    const waits = `for word; do case $word in ${word}) echo $$ >${folder.at('began')}; while [ ! -e ${folder.at('go')} ]; do sleep 0.02; done;; esac; done`
    writeFileSync(join(toolFolder, tool), `#!/bin/sh\n${waits}\nexec ${join(server.binFolder, tool)} "$@"\n`)
    chmodSync(join(toolFolder, tool), 0o755)
  }
  const dumping = dump(server, folder, { clock: hasty, toolFolder })
  dumping.catch(() => {}) // It is awaited below.
  let processId = ''
  while (processId === '') {
    await systemClock.sleep(20, signal)
    try {
      processId = readFileSync(folder.at('began'), 'utf8').trim()
    } catch {
      // Not yet.
    }
  }
  const stopped = everyProcess(server)
  for (const pid of stopped) process.kill(pid, 'SIGSTOP')
  try {
    writeFileSync(folder.at('go'), '')
    await assert.rejects(dumping, (error) => {
      assert.ok(isFailure(error, 'connection_failed'), String(error))
      assert.match(error.message, /has not answered for 50 s/)
      return true
    })
    assert.throws(() => process.kill(Number(processId), 0), { code: 'ESRCH' })
  } finally {
    for (const pid of stopped) process.kill(pid, 'SIGCONT')
  }
}
