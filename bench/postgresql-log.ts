import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { environment, parseLines, programPath, zakops } from '../e2e/program.ts'
import { neverStopped } from '../src/base/abort.ts'
import { systemClock } from '../src/base/clock.ts'
import { awaitTarget } from '../src/operations/recover/recovery-progress.ts'
import { userNamed } from '../src/posix/user-named.ts'
import { parseLsn } from '../src/sources/postgresql/lsn.ts'
import { startSandbox } from '../src/sources/postgresql/sandbox.ts'
import { type PostgresqlServer, testServers } from '../testing/postgresql-server.ts'
import { runWell } from '../testing/run-program.ts'
import type { TemporaryFolder } from '../testing/temporary-folder.ts'
import { middle } from './measure.ts'

export interface LogBench {
  readonly server: PostgresqlServer
  readonly folder: TemporaryFolder
  /** How much of the log is written in one go. */
  readonly megabytes: number
  readonly rounds: number
}

/** How fast the server writes its log alone, and until all of it is stored by a receiver beside it, MiB a second. */
export async function walRates(bench: LogBench): Promise<{ readonly alone: number; readonly received: number }> {
  const { server, folder, rounds } = bench
  const own = folder.at('receiver')
  mkdirSync(own)
  const policy = ['--policy', join(own, 'zakops-backup.yaml')]
  const start = { environment: { ...environment, PATH: `${server.binFolder}:${process.env.PATH}` }, cwd: own }
  await zakops(['init', '--yes', '--source', `postgresql:main=${server.url}`, ...policy], start)
  const clear = () => server.psql('drop table bulk; checkpoint')
  const [alone, received]: [number[], number[]] = [[], []]
  for (let round = 1; round <= rounds; round++) {
    const aloneMs = performance.now()
    const bytesAlone = Number(await writeLog(bench))
    alone.push(bytesAlone / 2 ** 20 / ((performance.now() - aloneMs) / 1000))
    await clear()

    const receiver = await beginReceiver(server, own, policy)
    await receiver.stored() // Of what the server wrote alone, too: that is no part of what follows.
    const beginMs = performance.now()
    const bytesReceived = Number(await writeLog(bench))
    await receiver.stored()
    received.push(bytesReceived / 2 ** 20 / ((performance.now() - beginMs) / 1000))
    await receiver.end()
    await clear()
  }
  await server.psql("select pg_drop_replication_slot('zakops_backup')")
  return { alone: middle(alone), received: middle(received) }
}

/** Has the server write log; answers how many bytes. */
async function writeLog({ server, megabytes }: LogBench): Promise<bigint> {
  const rows = Math.round((megabytes * 2 ** 20) / 1100)
  const begin = parseLsn(await server.psql('select pg_current_wal_lsn()'))
  await server.psql('create table bulk (n int, t text)')
  await server.psql(`insert into bulk select n, repeat(md5(n::text), 32) from generate_series(1, ${rows}) n`)
  return parseLsn(await server.psql('select pg_current_wal_flush_lsn()')) - begin
}

interface Receiver {
  /** Resolves when all that the server wrote until now is stored. */
  stored(): Promise<void>
  end(): Promise<void>
}

async function beginReceiver(server: PostgresqlServer, cwd: string, policy: readonly string[]): Promise<Receiver> {
  const env = { ...process.env, ...environment, PATH: `${server.binFolder}:${process.env.PATH}` }
  const child = spawn(programPath, ['wal', 'receive', 'main', ...policy], { cwd, env, stdio: 'ignore' })
  const isStreaming = "select count(*) from pg_replication_slots where active and slot_name = 'zakops_backup'"
  while ((await server.psql(isStreaming)) !== '1') await sleep(50)
  return {
    async stored() {
      await server.psql('select pg_switch_wal()')
      const end = await server.psql('select pg_current_wal_flush_lsn()')
      const isStored = `select coalesce(bool_or(flush_lsn >= '${end}'), false) from pg_stat_replication`
      while ((await server.psql(isStored)) !== 't') await sleep(20)
    },
    async end() {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

/**
 * How long replay of the same log takes with our recovery, and with `cp` from a folder that holds it as it was written,
 * seconds. Both on a private server of ours, from the same snapshot to the same target and with the same settings, but for
 * restore_command; from the first line of the server's log to the one that says that it stops at the target.
 */
export async function replayTimes(
  bench: LogBench,
): Promise<{ readonly bytes: number; readonly fetched: number; readonly copied: number }> {
  const { server, folder, rounds } = bench
  const own = folder.at('replay')
  mkdirSync(own)
  const policy = ['--policy', join(own, 'zakops-backup.yaml')]
  const start = { environment: { ...environment, PATH: `${server.binFolder}:${process.env.PATH}` }, cwd: own }
  await zakops(['init', '--yes', '--source', `postgresql:main=${server.url}`, ...policy], start)
  const receiver = await beginReceiver(server, own, policy)
  await zakops(['backup', ...policy], start)
  const logBytes = Number(await writeLog(bench))
  await receiver.stored()
  await receiver.end()
  await server.psql("select pg_drop_replication_slot('zakops_backup')")
  const archive = folder.at('plain')
  await runWell('cp', ['-r', join(server.dataFolder, 'pg_wal'), archive], {})
  await runWell('chown', ['-R', `${server.owner.uid}:${server.owner.gid}`, archive], {})
  const into = folder.at('recovered')
  const owner = process.getuid!() === 0 && userNamed('postgres') === undefined ? ['--owner', 'nobody'] : []
  const restore = async (...more: string[]): Promise<string> => {
    rmSync(into, { recursive: true, force: true })
    const words = ['restore', 'postgresql', 'main', '--to', 'latest', '--into', into, ...owner, ...more, ...policy]
    return (await zakops(words, start)).stdout
  }
  const [fetched, copied]: [number[], number[]] = [[], []]
  for (let round = 1; round <= rounds; round++) {
    const [told] = parseLines(await restore('--json'))
    const socketFolder = decodeURIComponent(/host=([^&]+)/.exec(String(told?.['url']))![1]!)
    fetched.push(replaySeconds(readFileSync(join(socketFolder, '../log'), 'utf8')))
    await zakops(['sandbox', 'stop', String(told?.['sandbox']), ...policy], start)
    await restore('--no-start')
    copied.push(await replayByCopy(bench, into, archive))
  }
  return { bytes: logBytes, fetched: middle(fetched), copied: middle(copied) }
}

/** Replays what a folder holds on a private server as our recovery has it, to the target that stands in the cluster's settings. */
async function replayByCopy({ server }: LogBench, dataFolder: string, archive: string): Promise<number> {
  const written = readFileSync(join(dataFolder, 'postgresql.auto.conf'), 'utf8')
  const target = Object.fromEntries(
    [...written.matchAll(/^(recovery_target\w*) = '(.*)'$/gm)].map(([, name, value]) => [name!, value!]),
  )
  const signal = neverStopped()
  await using sandbox = await startSandbox(
    {
      dataFolder,
      servers: await testServers(),
      owner: server.owner,
      parentFolder: '/var/tmp', // As our recovery's: elsewhere the path of the socket is too long.
      durable: true,
      lifetime: 'caller',
      searchPath: process.env.PATH!,
      settings: { ...target, restore_command: `cp ${archive}/%f %p` },
    },
    systemClock,
    signal,
  )
  const plan = { target: { kind: 'latest' }, expectedLsn: undefined } as const
  await awaitTarget(sandbox, plan, { clock: systemClock, progress: () => {} }, signal)
  return replaySeconds(await sandbox.log())
}

function replaySeconds(log: string): number {
  const lines = log.split('\n')
  return (writtenAtMs(lines.find((line) => line.includes('recovery stopping'))) - writtenAtMs(lines[0])) / 1000
}

/** Lines of the server's log begin with when they were written, in UTC. */
function writtenAtMs(line: string | undefined): number {
  return Date.parse(`${line?.slice(0, 23).replace(' ', 'T')}Z`)
}
