import { spawn } from 'node:child_process'
import { chmodSync, chownSync, closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { runWell } from './run-program.ts'
import type { PostgresqlServer } from './postgresql-server.ts'

/** A server on a restored data directory, private, stopped at the end of the caller's block. */
export interface RestoredCluster extends AsyncDisposable {
  readonly url: string
  psql(sql: string, database?: string): Promise<string>
  log(): string
}

/** Starts the program of `server` on this data directory as it is, but on a socket of its own and with archiving off. */
export async function startRestoredCluster(
  server: PostgresqlServer,
  dataFolder: string,
  workFolder: string,
  more: readonly string[] = [],
): Promise<RestoredCluster> {
  const socketFolder = join(workFolder, 'socket')
  mkdirSync(socketFolder)
  if (process.getuid!() === 0) {
    for (const folder of [workFolder, join(dataFolder, '..'), join(dataFolder, '../..')]) chmodSync(folder, 0o755)
    chownSync(socketFolder, server.owner.uid, server.owner.gid)
    await runWell('chown', ['-R', `${server.owner.uid}:${server.owner.gid}`, dataFolder])
  }
  const logPath = join(workFolder, 'log')
  const log = openSync(logPath, 'w')
  const settings = [
    'listen_addresses=',
    `unix_socket_directories=${socketFolder}`,
    'archive_mode=off',
    'fsync=off',
    ...more,
  ]
  const child = spawn(
    join(server.binFolder, 'postgres'),
    ['-D', dataFolder, ...settings.flatMap((setting) => ['-c', setting])],
    {
      cwd: '/',
      stdio: ['ignore', log, log],
      env: { PATH: process.env.PATH ?? '', TZ: 'UTC' },
      ...(process.getuid!() === 0 ? { uid: server.owner.uid, gid: server.owner.gid } : {}),
    },
  )
  closeSync(log)
  const exited = new Promise((resolve) => child.on('exit', resolve))
  const text = (): string => readFileSync(logPath, 'utf8')
  const deadlineMs = performance.now() + 60_000
  while (!text().includes('database system is ready to accept')) {
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      child.kill('SIGQUIT')
      throw new Error(`the restored cluster did not start:\n${text()}`)
    }
    await sleep(10)
  }
  return {
    url: `postgresql://postgres@/postgres?host=${encodeURIComponent(socketFolder)}&port=5432`,
    log: text,
    psql: (sql, database = 'postgres') => query(socketFolder, sql, database),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGQUIT')
      await exited
    },
  }
}

async function query(socketFolder: string, sql: string, database: string): Promise<string> {
  const types = { getTypeParser: () => (value: string | Buffer) => value }
  const client = new Client({ host: socketFolder, port: 5432, user: 'postgres', database, types })
  client.on('error', () => {}) // A query that runs reports it too.
  await client.connect()
  try {
    const { rows } = await client.query<(string | null)[]>({ text: sql, rowMode: 'array' })
    return rows.map((row) => row.map((value) => value ?? '').join('|')).join('\n')
  } finally {
    await client.end()
  }
}
