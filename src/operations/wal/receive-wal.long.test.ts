import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { neverStopped } from '../../base/abort.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
import { randomMasterKey } from '../../repository/key-derivation.ts'
import { failTimes, faultStorage, type StorageCall } from '../../storage/fault-storage.ts'
import { memoryStorage } from '../../storage/memory/memory-storage.ts'
import { takeHotSnapshot } from '../../../testing/hot-snapshot.ts'
import { Ledger, ledgerFault } from '../../../testing/ledger.ts'
import type { PostgresqlServer } from '../../../testing/postgresql-server.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { recoverIn, testArchive } from '../../../testing/recovery-bench.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { inboxSettings, storeInbox } from '../../../testing/wal-inbox.ts'
import { connectPostgresql } from '../../sources/postgresql/connection.ts'
import { parseLsn, type Lsn } from '../../sources/postgresql/lsn.ts'
import { dropSlot } from '../../sources/postgresql/replication-slot.ts'
import { readSlotFacts } from '../../sources/postgresql/slot-lag.ts'
import { receiveWal, type ReceiverEvent } from './receive-wal.ts'
import type { WalArchive } from './wal-archive.ts'

const slot = 'zakops_backup'
const signal = neverStopped()

/** A receiver that runs beside the test. */
class Receiver implements AsyncDisposable {
  readonly events: ReceiverEvent[] = []
  readonly #stopping = new AbortController()
  readonly ended: Promise<unknown>

  constructor(
    server: PostgresqlServer,
    archive: WalArchive,
    options: { readonly partEveryMs?: number; readonly clock?: Clock } = {},
  ) {
    const { clock = systemClock, partEveryMs = 100 } = options
    const request = { archive, connection: { url: server.url }, slot, partEveryMs }
    const context = { clock, onEvent: (event: ReceiverEvent) => this.events.push(event) }
    this.ended = receiveWal(request, context, this.#stopping.signal).catch((error: unknown) => error)
  }

  get stored(): Lsn {
    return this.events.reduce<Lsn>(
      (most, event) => (event.kind === 'stored' && event.end > most ? event.end : most),
      0n,
    )
  }

  count(kind: ReceiverEvent['kind']): number {
    return this.events.filter((event) => event.kind === kind).length
  }

  /** Resolves when the server was told that all it has written until now is durable. */
  async caughtUp(server: PostgresqlServer): Promise<void> {
    const lsn = parseLsn(await server.psql('select pg_current_wal_flush_lsn()'))
    let gaveUp: unknown
    void this.ended.then((error) => {
      gaveUp = error
    })
    for (let look = 0; this.stored < lsn; look++) {
      if (gaveUp !== undefined) throw gaveUp
      assert.ok(look < 1500, `stored ${this.stored}, server at ${lsn}: ${JSON.stringify(this.events.slice(-3), big)}`)
      await sleep(20)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort()
    await this.ended
  }
}

const isPut = ({ verb }: { readonly verb: string }): boolean => verb === 'put'

function big(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}

/** Every whole segment that the server still has must be stored with the same bytes, if it is stored. */
async function assertSameSegments(server: PostgresqlServer, archive: WalArchive): Promise<number> {
  const names = readdirSync(join(server.dataFolder, 'pg_wal')).filter((name) => /^[0-9A-F]{24}$/.test(name))
  const entries = await archive.list('', signal)
  let compared = 0
  for (const entry of entries) {
    if (!names.includes(entry.name) || entry.wal.kind !== 'segment') continue
    const stored = (await archive.get(entry, signal))!.content
    const written = readFileSync(join(server.dataFolder, 'pg_wal', entry.name)).subarray(0, stored.length)
    assert.ok(stored.equals(written), `${entry.name} ${entry.partBytes ?? 'whole'}`)
    compared += 1
  }
  return compared
}

postgresqlTest(
  'receiveWal() stores what the server writes, through its crash, cut connections and a full storage, beside archive_command; recovery finds every row',
  {
    versions: [15],
    initdb: ['--wal-segsize=1'],
    settings: { ...inboxSettings, track_commit_timestamp: 'on', wal_keep_size: '200MB' },
  },
  async ({ server }) => {
    await using folder = temporaryFolder('receive')
    const full = failTimes(2, 'storage_full', isPut)
    const broken = failTimes(2, 'storage_unreachable', isPut)
    let puts = 0
    const key = randomMasterKey((count) => randomBytes(count))
    const inside = memoryStorage()
    const storage = faultStorage(inside, {
      before: (call, count) => (puts++ > 40 ? full(call, count) : undefined),
      after: (call, count) => (puts > 60 ? broken(call, count) : undefined),
    })
    using archive = testArchive(storage, key)
    using beside = testArchive(inside, key)
    const acknowledged: number[] = []
    await using receiver = new Receiver(server, archive)
    {
      await using ledger = await Ledger.on(server)
      for (let n = 0; n < 30; n++) await ledger.write(60_000)
      await receiver.caughtUp(server)
      assert.ok((await assertSameSegments(server, archive)) > 1)
      const snapshot = await takeHotSnapshot(server, folder.at('snapshot'), 'a')
      await server.psql(`select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '${slot}'`)
      for (let n = 0; n < 60; n++) acknowledged.push((await ledger.write(60_000)).n)
      await receiver.caughtUp(server)
      await storeInbox(server, beside)
      await receiver.caughtUp(server)
      for (let n = 0; n < 5; n++) acknowledged.push((await ledger.write(60_000)).n)
      await receiver.caughtUp(server)
      await server.stop('kill')
      await using recovery = await recoverIn(folder, { archive, target: { kind: 'latest' }, snapshots: [snapshot] })
      assert.equal(await ledgerFault(recovery.sandbox.url, acknowledged.at(-1)!), undefined)
    }
    await server.start()
    await using ledger = await Ledger.on(server)
    assert.ok(ledger.rows.length === 0)
    await server.psql("insert into ledger values (100000, 'after the crash')")
    await receiver.caughtUp(server)
    assert.ok(receiver.count('connected') >= 3 && receiver.count('lost') >= 2)
    assert.ok((await assertSameSegments(server, archive)) > 3)
    // Of a segment that is not whole only the longest beginning is left.
    const entries = await archive.list('', signal)
    const whole = new Set(entries.filter(({ partBytes }) => partBytes === undefined).map(({ name }) => name))
    const parts = entries.filter(({ partBytes, name }) => partBytes !== undefined && !whole.has(name))
    assert.ok(parts.length <= 1, parts.map(({ objectName }) => objectName).join())
  },
)

postgresqlTest(
  'receiveWal() follows a promotion to the new timeline, and recovery goes across it, or along the old one',
  { versions: [18], initdb: ['--wal-segsize=1'], settings: { track_commit_timestamp: 'on' } },
  async ({ server }) => {
    await using folder = temporaryFolder('receive')
    using archive = testArchive()
    await using receiver = new Receiver(server, archive)
    await using ledger = await Ledger.on(server)
    await ledger.write()
    const snapshot = await takeHotSnapshot(server, folder.at('snapshot'), 'a')
    for (let n = 0; n < 20; n++) await ledger.write(60_000)
    const old = ledger.rows.at(-1)!
    await receiver.caughtUp(server)
    await server.stop()
    // A recovery that finds nothing to replay ends at once, on a new timeline.
    writeFileSync(join(server.dataFolder, 'recovery.signal'), '')
    server.configure({ restore_command: 'false' })
    await server.start()
    await server.psql('select 1 from pg_switch_wal()')
    await using second = await Ledger.on(server)
    second.rows.push(...ledger.rows)
    for (let n = 0; n < 20; n++) await second.write(60_000)
    const fresh = second.rows.at(-1)!
    await receiver.caughtUp(server)
    assert.ok(receiver.events.some((event) => event.kind === 'connected' && event.timeline === 2))
    const names = (await archive.list('', signal)).map(({ name }) => name)
    assert.ok(names.includes('00000002.history') && names.some((name) => name.startsWith('00000002000')))
    for (const [target, timeline, row] of [
      [{ kind: 'latest' }, 'latest', fresh],
      [{ kind: 'name', name: second.rows[25]!.point }, 2, second.rows[25]!],
      [{ kind: 'latest' }, 1, old],
    ] as const) {
      await using recovery = await recoverIn(folder, { archive, target, timeline, snapshots: [snapshot] })
      assert.equal(await ledgerFault(recovery.sandbox.url, row.n), undefined)
    }
  },
)

postgresqlTest(
  'receiveWal() tells the server of nothing that is not stored',
  { versions: [18], initdb: ['--wal-segsize=1'] },
  async ({ server }) => {
    using archive = testArchive()
    // Nothing is stored before its segment is full.
    await using receiver = new Receiver(server, archive, { partEveryMs: 30_000 })
    await server.psql('create table rows (t text)')
    const told = 'select sent_lsn, flush_lsn, pg_current_wal_flush_lsn() from pg_stat_replication'
    let moments = 0
    for (let n = 0; n < 60; n++) {
      await server.psql(
        "insert into rows select string_agg(md5(random()::text || g), '') from generate_series(1, 5000) g",
      )
      const [sent, flushed, written] = (await server.psql(told))
        .split('|')
        .map((text) => (text === '' ? 0n : parseLsn(text)))
      if (sent === undefined || flushed === undefined || written === undefined || receiver.stored === 0n) continue
      assert.ok(flushed <= receiver.stored, `told ${flushed}, stored ${receiver.stored}`)
      if (sent > flushed) moments += 1
    }
    assert.ok(moments > 10, `${moments} moments at which something was received and not stored`)
  },
)

postgresqlTest(
  'receiveWal() stores in time what came while a full segment was slow to be stored',
  { versions: [18], initdb: ['--wal-segsize=1'] },
  async ({ server }) => {
    let aheadMs = 0
    const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs }
    const [begun, slow] = [Promise.withResolvers<number>(), Promise.withResolvers<void>()]
    const before = async ({ verb, objectName }: StorageCall): Promise<void> => {
      if (verb !== 'put' || !/\/[0-9A-F]{24}$/.test(objectName)) return
      begun.resolve(clock.monotonicMs())
      await slow.promise
    }
    using archive = testArchive(faultStorage(memoryStorage(), { before }))
    await using receiver = new Receiver(server, archive, { partEveryMs: 30_000, clock })
    await server.psql('create table rows (t text)')
    await server.psql('select pg_switch_wal()') // What is left of a segment is sent as zeros.
    const fullAtMs = await begun.promise
    await server.psql("insert into rows values ('behind it')")
    const behind = parseLsn(await server.psql('select pg_current_wal_flush_lsn()'))
    aheadMs += 20_000
    slow.resolve()
    // Each message has the receiver look at the clock; by that it is done at last when 30 s are over.
    while (receiver.stored < behind) {
      const waitedMs = clock.monotonicMs() - fullAtMs
      assert.ok(waitedMs < 45_000, `not stored ${waitedMs} ms after it came`)
      aheadMs += 1000
      await server.psql("insert into rows values ('a message')")
      await sleep(20)
    }
    assert.ok(receiver.events.some((event) => event.kind === 'stored' && event.isPart))
  },
)

postgresqlTest(
  'receiveWal() says what it can not do; a slot that is left behind is measured, and dropped only when told',
  {
    versions: [18],
    initdb: ['--wal-segsize=1'],
    settings: { max_slot_wal_keep_size: '4MB', min_wal_size: '2MB', max_wal_size: '4MB' },
  },
  async ({ server }) => {
    using archive = testArchive()
    {
      await using receiver = new Receiver(server, archive)
      await server.psql("create table filler as select string_agg(md5(g::text), '') from generate_series(1, 50000) g")
      await receiver.caughtUp(server)
    }
    await using sql = await connectPostgresql({ url: server.url }, { kind: 'sql' }, signal)
    const write =
      "select pg_logical_emit_message(true, 'x', (select string_agg(md5(random()::text || g), '') from generate_series(1, 60000) g))"
    await server.psql(write)
    const behind = (await readSlotFacts(sql, slot))!
    assert.ok(!behind.isActive && behind.keptBytes > 1_500_000, JSON.stringify(behind))
    for (let n = 0; n < 6; n++) await server.psql(`${write}; checkpoint`)
    assert.equal((await readSlotFacts(sql, slot))!.walStatus, 'lost')
    await using lost = new Receiver(server, archive)
    const failure = await lost.ended
    assert.ok(isFailure(failure, 'wal_gap'), String(failure))
    await using replication = await connectPostgresql({ url: server.url }, { kind: 'replication' }, signal)
    await dropSlot(replication, slot)
    assert.equal(await readSlotFacts(sql, slot), undefined)
    // With a new slot it goes on from now, and tells of the gap.
    await using again = new Receiver(server, archive)
    await again.caughtUp(server)
    assert.equal(again.count('gap'), 1)
    await server.psql('create role guest login')
    await assert.rejects(
      receiveWal(
        { archive, connection: { url: server.urlOf({ user: 'guest' }) }, slot: 'other', partEveryMs: 100 },
        { clock: systemClock, onEvent: () => {} },
        signal,
      ),
      (error) => isFailure(error, 'access_denied'),
    )
  },
)

/** An hour of it is over in twenty seconds. */
const fastClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now() * 180,
  sleep: (ms, stop) => systemClock.sleep(ms / 180, stop),
}

postgresqlTest(
  'receiveWal() gives up a connection on which the server says nothing any more, and goes on over another one',
  { versions: [18], initdb: ['--wal-segsize=1'] },
  async ({ server }) => {
    using archive = testArchive()
    await server.psql('create table rows (n int)')
    await using receiver = new Receiver(server, archive, { clock: fastClock })
    await receiver.caughtUp(server)
    const sender = Number(await server.psql('select active_pid from pg_replication_slots'))
    // Its socket stays open, as that of a machine does which is behind a cut cable or hangs.
    process.kill(sender, 'SIGSTOP')
    try {
      await server.psql('insert into rows select generate_series(1, 1000)')
      for (let look = 0; receiver.count('lost') === 0; look++) {
        assert.ok(look < 1000, 'it waits for ever')
        await sleep(10)
      }
    } finally {
      process.kill(sender, 'SIGCONT')
    }
    const lost = receiver.events.find((event) => event.kind === 'lost')!
    assert.match(lost.failure.message, /has not answered for 60 s/)
    await receiver.caughtUp(server)
    assert.ok((await assertSameSegments(server, archive)) >= 1)
  },
)
