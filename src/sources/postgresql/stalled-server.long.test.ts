import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { neverStopped } from '../../base/abort.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
import type { PostgresqlServer } from '../../../testing/postgresql-server.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { receiveBaseBackup } from './base-backup.ts'
import { connectPostgresql } from './connection.ts'
import { parseLsn } from './lsn.ts'
import { answerMsMax } from './server-pulse.ts'
import { WalStream } from './wal-stream.ts'

/** An hour of it is over in twelve seconds; but for an answer of the server it waits for seconds all the same. */
const clock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now() * 300,
  sleep: (ms, stop) => systemClock.sleep(ms === answerMsMax ? 20_000 : ms / 300, stop),
}
/** So does this one not. */
const hasty: Clock = { ...clock, sleep: (ms, stop) => systemClock.sleep(ms / 300, stop) }
const signal = neverStopped()
const ignored = { directory: () => {}, begin: () => undefined, content: () => undefined, end: () => undefined }

postgresqlTest(
  'a query may take for hours, and is given up where the server hangs with its socket open',
  { versions: [18] },
  async ({ server }) => {
    await using sql = await connectPostgresql({ url: server.url, clock }, { kind: 'sql' }, signal)
    await sql.query('SELECT pg_sleep(1)')
    await using other = await connectPostgresql({ url: server.url, clock: hasty }, { kind: 'sql' }, signal)
    const third = await connectPostgresql({ url: server.url, clock: hasty }, { kind: 'sql' }, signal)
    const stopped = everyProcess(server)
    for (const pid of stopped) process.kill(pid, 'SIGSTOP')
    try {
      await assert.rejects(other.query('SELECT 1'), (error) => {
        assert.ok(isFailure(error, 'connection_failed'))
        assert.match(error.message, /has not answered for 50 s/)
        assert.match(String(error.facts.hint), /The server hangs, or the network/)
        return true
      })
      await third.close() // It is not waited for either.
    } finally {
      for (const pid of stopped) process.kill(pid, 'SIGCONT')
    }
  },
)

postgresqlTest(
  'receiveBaseBackup() waits for a throttled server, and gives one up that sends nothing any more',
  { versions: [18] },
  async ({ server }) => {
    await server.psql(
      'CREATE TABLE rows AS SELECT repeat(md5(g::text), 50) FROM generate_series(1, 2000) g; CHECKPOINT',
    )
    const copy = async (rateKibibytesMax: number, under: () => void): Promise<unknown> => {
      await using replication = await connectPostgresql({ url: server.url, clock }, { kind: 'replication' }, signal)
      const options = { label: 'test', checkpoint: 'fast', rateKibibytesMax } as const
      const end = (): undefined => under() as undefined
      return await receiveBaseBackup(replication, options, { ...ignored, end }, () => {})
    }
    await copy(16 * 1024, () => {})
    let files = 0
    let sender = 0
    const stopped = copy(1024, () => {
      files += 1
      if (files !== 30) return
      sender = senderOf(server)
      process.kill(sender, 'SIGSTOP')
    })
    try {
      await assert.rejects(stopped, (error) => {
        assert.ok(isFailure(error, 'connection_failed'))
        assert.match(error.message, /its base backup stands still since \d{3,} s/)
        return true
      })
    } finally {
      process.kill(sender, 'SIGCONT')
    }
  },
)

postgresqlTest(
  'WalStream waits for a server that has nothing to write, and gives one up that answers nothing',
  { versions: [18], settings: { wal_sender_timeout: '0' } },
  async ({ server }) => {
    const start = parseLsn(await server.psql('SELECT pg_current_wal_flush_lsn()'))
    await using replication = await connectPostgresql({ url: server.url, clock }, { kind: 'replication' }, signal)
    using stream = new WalStream(replication, { slot: undefined, timeline: 1, lsn: start - (start % 2n ** 24n) })
    const read = stream.readTo(start + 1000n, () => undefined)
    read.catch(() => {}) // It is awaited below.
    await sleep(500)
    await server.psql('CREATE TABLE rows AS SELECT generate_series(1, 1000)')
    await read
    process.kill(senderOf(server), 'SIGSTOP')
    try {
      await assert.rejects(
        stream.readTo(start + 2n ** 30n, () => undefined),
        (error) => isFailure(error, 'connection_failed') && /answers nothing any more/.test(error.message),
      )
    } finally {
      process.kill(senderOf(server), 'SIGCONT')
    }
  },
)

/** The first process of a server and those that it started. */
function everyProcess(server: PostgresqlServer): number[] {
  return [server.pid, ...children(server).map(({ pid }) => pid)]
}

function senderOf(server: PostgresqlServer): number {
  return children(server).find(({ title }) => title.includes('walsender'))!.pid
}

function children(server: PostgresqlServer): { readonly pid: number; readonly title: string }[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      const parent = /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]
      if (Number(parent) !== server.pid) return []
      return [{ pid: Number(name), title: readFileSync(`/proc/${name}/cmdline`, 'utf8') }]
    } catch {
      return [] // It has ended.
    }
  })
}
