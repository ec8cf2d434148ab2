import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { environment, parseLines, programPath, zakops } from '../e2e/program.ts'
import { userNamed } from '../src/posix/user-named.ts'
import { parseLsn } from '../src/sources/postgresql/lsn.ts'
import type { PostgresqlServer } from '../testing/postgresql-server.ts'
import { runWell } from '../testing/run-program.ts'
import { startRestoredCluster } from '../testing/start-restored-cluster.ts'
import type { TemporaryFolder } from '../testing/temporary-folder.ts'
import { measure, middle } from './measure.ts'

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

/** How long replay of the same log takes with our recovery, and with `cp` from a folder that holds it as it was written, seconds. */
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
  const [fetched, copied]: [number[], number[]] = [[], []]
  for (let round = 1; round <= rounds; round++) {
    const into = folder.at('recovered')
    const words = ['restore', 'postgresql', 'main', '--to', 'latest', '--into', into]
    const seconds = async (...more: string[]): Promise<number> => {
      rmSync(into, { recursive: true, force: true })
      const owner = process.getuid!() === 0 && userNamed('postgres') === undefined ? ['--owner', 'nobody'] : []
      const { wallSeconds } = await measure(programPath, [...words, ...owner, ...more, ...policy], {
        ...start,
        log: folder.at('log'),
      })
      return wallSeconds
    }
    const whole = await seconds('--json')
    const [told] = parseLines(readFileSync(folder.at('log'), 'utf8'))
    await zakops(['sandbox', 'stop', String(told?.['sandbox']), ...policy], start)
    const restored = await seconds('--no-start')
    fetched.push(whole - restored)
    copied.push(await replayByCopy(bench, into, archive))
  }
  return { bytes: logBytes, fetched: middle(fetched), copied: middle(copied) }
}

/** Replays what a folder holds, with the settings of our private servers, to its end. */
async function replayByCopy({ server, folder }: LogBench, dataFolder: string, archive: string): Promise<number> {
  const workFolder = folder.at('replaying')
  rmSync(workFolder, { recursive: true, force: true })
  mkdirSync(workFolder)
  // What `--no-start` wrote leads to our own fetch, and stops at a target.
  const path = join(dataFolder, 'postgresql.auto.conf')
  writeFileSync(path, readFileSync(path, 'utf8').replace(/^(recovery_target.*|restore_command) = .*$/gm, ''))
  const settings = [`restore_command=cp ${archive}/%f %p`, 'hot_standby=off', 'jit=off', 'autovacuum=off']
  const begin = performance.now()
  await using _recovered = await startRestoredCluster(server, dataFolder, workFolder, settings)
  return (performance.now() - begin) / 1000
}
