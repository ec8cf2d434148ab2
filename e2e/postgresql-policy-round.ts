/** PostgreSQL under a policy, by the program's own commands, while everything that takes part is killed at random. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeTarget, formatTimeUs, parseRecoveryTarget } from '../src/operations/recover/recovery-target.ts'
import { userNamed } from '../src/posix/user-named.ts'
import { parseLsn, type Lsn } from '../src/sources/postgresql/lsn.ts'
import { Ledger, ledgerFault, type LedgerRow } from '../testing/ledger.ts'
import { pgbenchPath } from '../testing/pgbench.ts'
import { startPostgresqlServer, type PostgresqlServer, type PostgresqlVersion } from '../testing/postgresql-server.ts'
import { queryServer } from '../testing/query-server.ts'
import { runWell } from '../testing/run-program.ts'
import type { SeededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder, type TemporaryFolder } from '../testing/temporary-folder.ts'
import { environment, parseLines, programPath, zakops } from './program.ts'

export interface PostgresqlPolicyRound {
  readonly version: PostgresqlVersion
  /** Of physical backups, each of which ends only after some were killed. */
  readonly backups: number
  readonly recoveries: number
  readonly random: SeededRandom
  readonly say: (line: string) => void
}

/** How often each was killed, or recovered to. */
export interface PostgresqlPolicyCounts {
  readonly backup: number
  readonly receiver: number
  readonly server: number
  readonly recoveries: number
  readonly bounded: number
}

/**
 * A server under load of pgbench throughout; its own backups and its receiver by the command line. Backups, the receiver and the
 * server are killed at random moments. In the end every backup must start and have its manifest, amcheck must find
 * nothing, and recoveries to random targets of each kind must bring back exactly the rows of the ledger; what was
 * acknowledged must be there after the server is lost with all that it had.
 */
export async function postgresqlPolicyRound(round: PostgresqlPolicyRound): Promise<PostgresqlPolicyCounts> {
  const { version, random, say } = round
  await using folder = temporaryFolder('pg-policy-round')
  chmodSync(folder.path, 0o755)
  await using server = await startPostgresqlServer({
    version,
    initdb: ['--wal-segsize=4'],
    settings: {
      track_commit_timestamp: 'on',
      fsync: 'on',
      wal_sender_timeout: '2s', // A sender of one that was killed keeps the slot so long.
      ...(version >= 17 && { summarize_wal: 'on' }),
    },
  })
  const world = new World(server, folder, random, say)
  try {
    await world.begin()
    for (let backup = 1; backup <= round.backups; backup++) await world.backUpUnderKills()
    await world.receiver.caughtUp()
    await world.proveBackups()
    for (let count = 1; count <= round.recoveries; count++) await world.recoverOnce(count)
    await world.loseServer()
    return { ...world.counts, recoveries: round.recoveries + 1 }
  } finally {
    world.end()
  }
}

const owner = process.getuid!() === 0 && userNamed('postgres') === undefined ? ['--owner', 'nobody'] : []

class World {
  readonly counts = { backup: 0, receiver: 0, server: 0, bounded: 0 }
  readonly receiver: Receiver
  readonly #server: PostgresqlServer
  readonly #folder: TemporaryFolder
  readonly #random: SeededRandom
  readonly #say: (line: string) => void
  readonly #rows: LedgerRow[] = []
  #pgbench: ChildProcess | undefined
  #firstEnd: Lsn = 0n

  constructor(server: PostgresqlServer, folder: TemporaryFolder, random: SeededRandom, say: (line: string) => void) {
    this.#server = server
    this.#folder = folder
    this.#random = random
    this.#say = say
    this.receiver = new Receiver(server, folder)
  }

  async begin(): Promise<void> {
    const source = ['--source', `postgresql:orders=${this.#server.url}`]
    await this.#ok('init', '--yes', '--secondary', 'off-site', ...source)
    const path = this.#folder.at('zakops-backup.yaml')
    const wal = '    kind: postgresql\n    wal: { receive: true, partialEvery: 1 second }'
    writeFileSync(path, readFileSync(path, 'utf8').replace('    kind: postgresql', wal))
    await this.#ok('policy', 'check')
    await runWell(pgbenchPath()!, ['-i', '-q', '-s', '3', this.#server.url])
    this.receiver.start()
    await this.receiver.caughtUp()
    this.#load()
    await this.#write(2)
    await this.#ok('backup', 'orders')
    this.#firstEnd = parseLsn(await this.#server.psql('SELECT pg_current_wal_insert_lsn()'))
  }

  end(): void {
    this.#pgbench?.kill('SIGKILL')
    this.receiver.kill()
  }

  /** Tries a backup until one ends well, and kills what takes part meanwhile; the last try is left alone but for the receiver. */
  async backUpUnderKills(): Promise<void> {
    for (const victim of ['backup', 'server', 'backup', 'receiver'] as const) {
      await this.#write(3)
      const child = this.#spawnBackup()
      const ended = once(child, 'close')
      await sleep(this.#random.below(victim === 'receiver' ? 3000 : 2500))
      if (victim === 'backup' && child.kill('SIGKILL')) this.counts.backup += 1
      if (victim === 'server') await this.#killServer()
      if (victim === 'receiver') await this.#killReceiver()
      await this.#write(3)
      const [code] = (await ended) as [number | null]
      const said = child.said()
      if (/too busy for an exact manifest/.test(said)) this.counts.bounded += 1
      if (code === 0 || victim !== 'receiver') continue
      throw new Error(`the backup ended with ${code}\n${said}`)
    }
  }

  /** Each backup that is kept starts, has its manifest, and is sound. */
  async proveBackups(): Promise<void> {
    const listed = parseLines((await this.#run('backups', 'orders', '--json')).stdout)
    this.#say(`${listed.length} backups: ${listed.map((line) => line['kind']).join(', ')}`)
    for (const { snapshot_id: id } of listed) {
      const words = ['sandbox', 'start', 'orders', String(id), '--amcheck', '--json', ...owner]
      const [started] = parseLines((await this.#run(...words)).stdout)
      const { manifest, differences, sandbox, url } = started!
      const fault = await ledgerFault(String(url), Number(await queryServer(String(url), 'SELECT max(n) FROM ledger')))
      await this.#ok('sandbox', 'stop', String(sandbox))
      const isEqual = manifest === 'equal' && (differences as readonly unknown[]).length === 0
      const isUnequal = !isEqual && this.counts.bounded === 0
      if (isUnequal || fault !== undefined)
        throw new Error(`backup ${String(id)}: manifest ${String(manifest)}, ${JSON.stringify(differences)}, ${fault}`)
    }
  }

  async recoverOnce(count: number): Promise<void> {
    // Every backup but the first may be gone by the policy's retention; the first full one is kept.
    const candidates = this.#rows.filter(({ lsn }, at) => parseLsn(lsn) > this.#firstEnd && at < this.#rows.length - 1)
    const row = this.#random.pick(candidates)
    const target = this.#random.pick([
      `time:${formatTimeUs(row.endUs)}`,
      `lsn:${row.lsn}`,
      `name:${row.point}`,
      `xid:${row.xid}`,
    ])
    const recovered = await this.#recover(target, count)
    const fault = await ledgerFault(recovered.url, row.n)
    if (fault !== undefined) throw new Error(`recovery to ${target}: ${fault}`)
    for (const other of [row.n - 1, row.n + 1])
      if ((await ledgerFault(recovered.url, other)) === undefined) throw new Error('the check can not fail')
    await recovered.end()
    this.#say(`recovered to ${describeTarget(parseRecoveryTarget(target))}: row ${row.n}`)
  }

  /** The server is gone with what only it had; what it was told to be stored must come back, and nothing out of its order. */
  async loseServer(): Promise<void> {
    await this.#write(10)
    const told = parseLsn(await this.#server.psql('SELECT max(flush_lsn) FROM pg_stat_replication'))
    const acknowledged = this.#rows.filter(({ lsn }) => parseLsn(lsn) <= told).length
    await this.#server.stop('kill')
    this.receiver.kill()
    rmSync(this.#server.dataFolder, { recursive: true })
    const recovered = await this.#recover('latest', 0)
    const found = Number(await queryServer(recovered.url, 'SELECT max(n) FROM ledger'))
    const fault = await ledgerFault(recovered.url, found)
    await recovered.end()
    if (fault !== undefined || found < acknowledged)
      throw new Error(`recovery to the latest state: row ${found}, acknowledged ${acknowledged}: ${fault}`)
    this.#say(`server lost: ${acknowledged} of ${this.#rows.length} rows were acknowledged, ${found} came back`)
  }

  async #recover(target: string, count: number): Promise<{ readonly url: string; readonly end: () => Promise<void> }> {
    const into = this.#folder.at(`recovered-${count}`)
    const words = ['restore', 'postgresql', 'orders', '--to', target, '--into', into, '--json', ...owner]
    const [line] = parseLines((await this.#run(...words)).stdout)
    return {
      url: String(line!['url']),
      end: async () => {
        await this.#ok('sandbox', 'stop', String(line!['sandbox']))
        rmSync(into, { recursive: true })
      },
    }
  }

  async #write(count: number): Promise<void> {
    await using ledger = await Ledger.on(this.#server)
    ledger.rows.push(...this.#rows)
    for (let n = 0; n < count; n++) {
      this.#rows.push(await ledger.write(this.#random.below(40_000)))
      await sleep(this.#random.below(100))
    }
  }

  async #killServer(): Promise<void> {
    this.#pgbench?.kill('SIGKILL')
    await this.#server.stop('kill')
    await this.#server.start()
    this.counts.server += 1
    this.receiver.start()
    this.#load()
  }

  async #killReceiver(): Promise<void> {
    const told = await this.#server.psql('SELECT max(flush_lsn) FROM pg_stat_replication')
    this.receiver.kill()
    this.counts.receiver += 1
    // What the server was told is stored, at this moment, before anybody receives it again.
    const [checked] = parseLines((await this.#run('wal', 'check', 'orders', '--json')).stdout)
    const gaps = checked!['gaps'] as readonly unknown[]
    if (gaps.length > 0) throw new Error(`told ${told}, and there are gaps: ${JSON.stringify(checked)}`)
    this.receiver.start()
  }

  #load(): void {
    this.#pgbench = spawn(pgbenchPath()!, ['-n', '-c', '2', '-T', '36000', this.#server.url], { stdio: 'ignore' })
  }

  #spawnBackup(): ChildProcess & { said: () => string } {
    return spawnSaying(['backup', 'orders'], this.#folder, this.#server)
  }

  async #run(...words: string[]) {
    return await zakops(words, {
      cwd: this.#folder.path,
      environment: { PATH: `${this.#server.binFolder}:${process.env.PATH}`, TMPDIR: this.#folder.path },
    })
  }

  async #ok(...words: string[]): Promise<void> {
    await this.#run(...words)
  }
}

/** `wal receive` in a process of its own. */
class Receiver {
  readonly #server: PostgresqlServer
  readonly #folder: TemporaryFolder
  #child: (ChildProcess & { said: () => string }) | undefined

  constructor(server: PostgresqlServer, folder: TemporaryFolder) {
    this.#server = server
    this.#folder = folder
  }

  start(): void {
    if (this.#child?.exitCode === null && this.#child.signalCode === null) return
    this.#child = spawnSaying(['wal', 'receive', 'orders'], this.#folder, this.#server)
  }

  kill(): void {
    this.#child?.kill('SIGKILL')
    this.#child = undefined
  }

  /** Until all that is written now is stored, as the server was told. */
  async caughtUp(): Promise<void> {
    const lsn = await this.#server.psql('SELECT pg_current_wal_flush_lsn()')
    const isStored = `SELECT coalesce(bool_or(flush_lsn >= '${lsn}'), false) FROM pg_stat_replication`
    for (let look = 0; look < 1200; look++) {
      if ((await this.#server.psql(isStored)) === 't') return
      if (this.#child?.exitCode != null) throw new Error(`the receiver ended:\n${this.#child.said()}`)
      await sleep(50)
    }
    throw new Error(`the receiver does not catch up:\n${this.#child?.said()}`)
  }
}

function spawnSaying(
  words: readonly string[],
  folder: TemporaryFolder,
  server: PostgresqlServer,
): ChildProcess & { said: () => string } {
  const child = spawn(programPath, words, {
    cwd: folder.path,
    env: { ...process.env, ...environment, PATH: `${server.binFolder}:${process.env.PATH}`, TMPDIR: folder.path },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => {
      said = (said + text.toString()).slice(-20_000)
    })
  }
  return Object.assign(child, { said: () => said })
}
