import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { Client } from 'pg'
import { readControlFile } from '../src/sources/postgresql/control-file.ts'
import { parseLsn } from '../src/sources/postgresql/lsn.ts'
import { segmentName, segmentOf } from '../src/sources/postgresql/wal-name.ts'
import type { RecoverySnapshot } from '../src/operations/recover/plan-recovery.ts'
import type { PostgresqlServer } from './postgresql-server.ts'
import { runProgram } from './run-program.ts'

/** A copy of a running server's files, as a physical backup has them: consistent once its WAL was replayed. */
export interface HotSnapshot extends RecoverySnapshot {
  readonly folder: string
}

/** Copies a server's data folder while it runs, by the server's own functions for that and `cp`. */
export async function takeHotSnapshot(server: PostgresqlServer, folder: string, id: string): Promise<HotSnapshot> {
  const client = new Client({ connectionString: server.url })
  await client.connect()
  try {
    const begun = await client.query<{ lsn: string }>("select pg_backup_start('test', true) as lsn")
    mkdirSync(folder, { recursive: true })
    // Files come and go meanwhile; what the server needs it has by the WAL.
    const skipped = /^\.\/(pg_wal\/.*|postmaster\.(pid|opts)|inbox.*|pg_replslot\/.*|pg_stat_tmp\/.*)$/
    await runProgram('sh', ['-c', 'cd "$1" && find . -mindepth 1 | sort > "$2.list"', 'sh', server.dataFolder, folder])
    const names = readFileSync(`${folder}.list`, 'utf8')
      .split('\n')
      .filter((name) => name !== '' && !skipped.test(name))
    writeFileSync(`${folder}.list`, names.join('\n'))
    await runProgram('tar', [
      '-C',
      server.dataFolder,
      '--no-recursion',
      '--ignore-failed-read',
      '-cf',
      `${folder}.tar`,
      '-T',
      `${folder}.list`,
    ])
    await runProgram('tar', ['-C', folder, '-xpf', `${folder}.tar`])
    const ended = await client.query<{ lsn: string; labelfile: string }>(
      'select lsn, labelfile from pg_backup_stop(false)',
    )
    const { lsn, labelfile } = ended.rows[0]!
    writeFileSync(join(folder, 'backup_label'), labelfile)
    const { systemIdentifier, segmentBytes } = await readControlFile(folder)
    const [startLsn, endLsn] = [parseLsn(begun.rows[0]!.lsn), parseLsn(lsn)]
    const timeline = Number(/^START TIMELINE: (\d+)/m.exec(labelfile)![1])
    for (let segment = segmentOf(startLsn, segmentBytes); segment <= segmentOf(endLsn - 1n, segmentBytes); segment++) {
      const name = join('pg_wal', segmentName(timeline, segment, segmentBytes))
      await cp(join(server.dataFolder, name), join(folder, name))
    }
    const at = await client.query<{ us: string }>('select (extract(epoch from clock_timestamp()) * 1000)::bigint as us')
    const endedAt = new Date(Number(at.rows[0]!.us) + 1)
    return { id, folder, systemIdentifier, timeline, startLsn, endLsn, walEndLsn: endLsn, segmentBytes, endedAt }
  } finally {
    await client.end()
  }
}
