import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { chownSync, chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { neverStopped } from '../src/base/abort.ts'
import { randomMasterKey } from '../src/repository/key-derivation.ts'
import { parseLsn, type Lsn } from '../src/sources/postgresql/lsn.ts'
import { segmentOf } from '../src/sources/postgresql/wal-name.ts'
import { checkWal } from '../src/operations/wal/check-wal.ts'
import { readWalCoverage, stretchesTo, walReach } from '../src/operations/wal/wal-coverage.ts'
import type { WalArchive } from '../src/operations/wal/wal-archive.ts'
import { parseRecoveryTarget, describeTarget, type RecoveryTarget } from '../src/operations/recover/recovery-target.ts'
import { takeHotSnapshot, type HotSnapshot } from '../testing/hot-snapshot.ts'
import { Ledger, ledgerFault, type LedgerRow } from '../testing/ledger.ts'
import { pgbenchPath } from '../testing/pgbench.ts'
import { startPostgresqlServer, type PostgresqlServer, type PostgresqlVersion } from '../testing/postgresql-server.ts'
import { recoverIn } from '../testing/recovery-bench.ts'
import { runWell } from '../testing/run-program.ts'
import type { SeededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder, type TemporaryFolder } from '../testing/temporary-folder.ts'
import { readWalProgramSettings, walProgram, walProgramSettings } from '../testing/wal-program-settings.ts'

export interface PostgresqlRound {
  readonly version: PostgresqlVersion
  /** Of the load, between whose parts things are killed. */
  readonly rows: number
  readonly recoveries: number
  readonly random: SeededRandom
  readonly say: (line: string) => void
}

/**
 * A server under load of pgbench, its WAL stored by a receiver and by archive_command at once; the receiver is killed
 * at random moments, the server once. Nothing that the server was told to be durable may lack; recoveries to random
 * targets of each kind must bring back exactly the rows of the ledger, and the check must be able to fail.
 */
export async function postgresqlRound(
  round: PostgresqlRound,
): Promise<{ readonly kills: number; readonly recoveries: number }> {
  const { random, say } = round
  await using folder = temporaryFolder('pg-round')
  const { settings, archive } = makeArchive(folder)
  using stored = archive
  await using server = await startPostgresqlServer({
    version: round.version,
    initdb: ['--wal-segsize=4'],
    settings: {
      archive_mode: 'on',
      archive_command: `'${process.execPath}' '${walProgram}' push '${settings}' '%p'`,
      track_commit_timestamp: 'on',
      fsync: 'on',
    },
  })
  ownedBy(server, folder.at('storage'), settings)
  await runWell(pgbenchPath()!, ['-i', '-q', '-s', '2', server.url])
  const receiver = new KilledReceiver(server, settings)
  const world: World = { server, folder, receiver, archive: stored, snapshots: [], rows: [], acknowledged: 0n }
  await load(world, round)
  await receiver.caughtUp()
  await assertNothingLacks(world)
  say(`PostgreSQL ${round.version}: ${world.rows.length} rows, receiver killed ${receiver.kills} times, nothing lacks`)
  for (let count = 0; count < round.recoveries; count++) await recoverOnce(world, random, say)
  // The server dies with what only the receiver has: the last beginning of a segment.
  await server.stop('kill')
  receiver.kill()
  await using latest = await recoverIn(folder, {
    archive: stored,
    snapshots: world.snapshots,
    target: { kind: 'latest' },
  })
  const fault = await ledgerFault(latest.sandbox.url, world.rows.length)
  if (fault !== undefined) throw new Error(`recovery to the latest state: ${fault}`)
  return { kills: receiver.kills, recoveries: round.recoveries + 1 }
}

interface World {
  readonly server: PostgresqlServer
  readonly folder: TemporaryFolder
  readonly receiver: KilledReceiver
  readonly archive: WalArchive
  readonly snapshots: HotSnapshot[]
  readonly rows: LedgerRow[]
  /** What the server was told to be durable. */
  acknowledged: Lsn
}

async function load(world: World, { rows, random }: PostgresqlRound): Promise<void> {
  const { server, receiver } = world
  for (const part of [0, 1, 2, 3]) {
    const pgbench = spawn(pgbenchPath()!, ['-n', '-c', '2', '-T', '3600', server.url], { stdio: 'ignore' })
    {
      await using ledger = await Ledger.on(server)
      ledger.rows.push(...world.rows)
      for (let n = 0; n < rows / 4; n++) {
        world.rows.push(await ledger.write(random.below(40_000)))
        if (random.below(12) === 0) await killReceiver(world)
        await sleep(random.below(40))
      }
    }
    if (part === 0 || part === 2) {
      const id = `snapshot-${part}`
      world.snapshots.push(await takeHotSnapshot(server, world.folder.at(id), id))
    }
    pgbench.kill('SIGKILL')
    await once(pgbench, 'exit')
    if (part !== 1) continue
    await server.stop('kill')
    await server.start()
    receiver.start()
  }
}

async function killReceiver(world: World): Promise<void> {
  const { server, receiver } = world
  // Not the slot's restart_lsn: until the first word of ours came to it, that is where the slot was made.
  const told = await server.psql('select max(flush_lsn) from pg_stat_replication')
  receiver.kill()
  if (told !== '' && parseLsn(told) > world.acknowledged) world.acknowledged = parseLsn(told)
  // At this moment, before anybody receives it again.
  if (world.snapshots.length > 0) await assertNothingLacks(world)
  receiver.start()
}

async function assertNothingLacks({ archive, snapshots, acknowledged }: World): Promise<void> {
  const [first] = snapshots
  const coverage = await readWalCoverage(archive, first!, neverStopped())
  const { end, gap } = walReach(coverage, stretchesTo(coverage, 1), segmentOf(first!.startLsn, first!.segmentBytes))
  if (gap !== undefined || end < acknowledged)
    throw new Error(`stored up to ${end}, acknowledged ${acknowledged}, gap ${gap?.firstName}`)
  const checked = await checkWal({ archive, snapshots }, neverStopped())
  if (checked.some(({ gaps }) => gaps.length > 0)) throw new Error('checkWal() found a gap')
}

async function recoverOnce(world: World, random: SeededRandom, say: (line: string) => void): Promise<void> {
  const { folder, archive, snapshots, rows } = world
  const first = snapshots[0]!
  const candidates = rows.filter(({ lsn }, index) => parseLsn(lsn) > first.endLsn && index < rows.length - 1)
  const row = random.pick(candidates)
  const target = random.pick<RecoveryTarget>([
    { kind: 'time', atUs: row.endUs },
    parseRecoveryTarget(row.lsn),
    { kind: 'name', name: row.point },
    { kind: 'xid', xid: row.xid },
  ])
  const begin = performance.now()
  await using recovery = await recoverIn(folder, {
    archive,
    snapshots,
    target,
    end: random.pick(['paused', 'promoted']),
  })
  const fault = await ledgerFault(recovery.sandbox.url, row.n)
  if (fault !== undefined) throw new Error(`recovery to ${describeTarget(target)}: ${fault}`)
  for (const other of [row.n - 1, row.n + 1])
    if ((await ledgerFault(recovery.sandbox.url, other)) === undefined) throw new Error('the check can not fail')
  say(
    `recovered to ${describeTarget(target)} from ${recovery.plan.snapshot.id}: row ${row.n}, ${Math.round(performance.now() - begin)} ms`,
  )
}

function unpredictable(count: number): Uint8Array {
  return randomBytes(count)
}

/** A receiver in a process of its own, as the server's user. */
class KilledReceiver {
  kills = 0
  readonly #server: PostgresqlServer
  readonly #settings: string
  #child: ChildProcess | undefined
  #said = ''

  constructor(server: PostgresqlServer, settings: string) {
    this.#server = server
    this.#settings = settings
    this.start()
  }

  start(): void {
    if (this.#child?.exitCode === null && this.#child.signalCode === null) return
    const { owner, url } = this.#server
    this.#child = spawn(process.execPath, [walProgram, 'receive', this.#settings, url], {
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(process.getuid!() === 0 ? { uid: owner.uid, gid: owner.gid } : {}),
    })
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.on('data', (text: Buffer) => {
        this.#said = (this.#said + text.toString()).slice(-20_000)
      })
    }
  }

  kill(): void {
    if (this.#child?.kill('SIGKILL') === true) this.kills += 1
    this.#child = undefined
  }

  async caughtUp(): Promise<void> {
    const lsn = parseLsn(await this.#server.psql('select pg_current_wal_flush_lsn()'))
    for (let look = 0; look < 1200; look++) {
      const stored = [...this.#said.matchAll(/stored ([0-9A-F]+\/[0-9A-F]+)/g)].map(([, text]) => parseLsn(text!))
      if (stored.some((end) => end >= lsn)) return
      await sleep(50)
    }
    throw new Error(`the receiver does not catch up:\n${this.#said.slice(-2000)}`)
  }
}

function makeArchive(folder: TemporaryFolder): { readonly settings: string; readonly archive: WalArchive } {
  chmodSync(folder.path, 0o755)
  mkdirSync(folder.at('storage'), { mode: 0o700 })
  const settings = folder.at('settings.json')
  writeFileSync(settings, walProgramSettings(folder.at('storage'), randomMasterKey(unpredictable)), { mode: 0o600 })
  return { settings, archive: readWalProgramSettings(readFileSync(settings, 'utf8'), unpredictable) }
}

function ownedBy({ owner }: PostgresqlServer, ...paths: readonly string[]): void {
  if (process.getuid!() !== 0) return
  for (const path of paths) chownSync(path, owner.uid, owner.gid)
}
