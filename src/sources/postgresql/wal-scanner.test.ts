import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { parseLsn } from './lsn.ts'
import { segmentFacts } from './segment-facts.ts'
import { WalScanner, type WalEvent } from './wal-scanner.ts'
import { readSegmentHeader } from './wal-segment-header.ts'
import { segmentName, segmentOf, segmentStart } from './wal-name.ts'

postgresqlTest(
  'WalScanner reads every end of a transaction and every restore point that a server wrote, wherever it begins',
  {
    versions: [15, 16, 17, 18],
    initdb: ['--wal-segsize=1'],
    settings: { track_commit_timestamp: 'on', wal_keep_size: '256MB' },
  },
  async ({ server }) => {
    const segmentBytes = 2 ** 20
    const from = parseLsn(
      await server
        .psql('create table rows (n int, t text); select pg_switch_wal(); select pg_current_wal_lsn()')
        .then(lastLine),
    )
    // Large rows, so that records reach over pages and segments.
    const xids: number[] = []
    for (let round = 0; round < 30; round++) {
      const answer = await server.psql(
        `begin; insert into rows select n, (select string_agg(md5(random()::text || n || m), '') from generate_series(1, 60) m) from generate_series(1, 60) n; select txid_current(); ${round % 5 === 4 ? 'rollback' : 'commit'}`,
      )
      xids.push(Number(lastLine(answer)))
    }
    const point = parseLsn(await server.psql("select pg_create_restore_point('one point')"))
    const end = parseLsn(
      await server.psql('insert into rows values (0); select pg_switch_wal(); checkpoint').then(lastLine),
    )
    const times = await server.psql(
      `select x, (extract(epoch from pg_xact_commit_timestamp(x::text::xid)) * 1000000)::bigint from unnest(array[${xids.join()}]) x where pg_xact_commit_timestamp(x::text::xid) is not null`,
    )
    const events: WalEvent[] = []
    const slow: WalEvent[] = []
    // Who is told of changes has each record looked at; nearly all are passed over else.
    const slowly = new WalScanner({
      blockBytes: 8192,
      segmentBytes,
      start: from - (from % BigInt(segmentBytes)),
      onEvent: (event) => slow.push(event),
      onChange: () => {},
    })
    const scanner = new WalScanner({
      blockBytes: 8192,
      segmentBytes,
      start: from - (from % BigInt(segmentBytes)),
      onEvent: (event) => events.push(event),
    })
    const segments = segmentOf(end - 1n, segmentBytes) - segmentOf(from, segmentBytes)
    assert.ok(segments >= 3, `the load filled ${segments} segments`)
    for (let segment = segmentOf(from, segmentBytes); segment <= segmentOf(end - 1n, segmentBytes); segment++) {
      const content = readFileSync(join(server.dataFolder, 'pg_wal', segmentName(1, segment, segmentBytes)))
      // In pieces, which may end within a page.
      for (let at = 0; at < content.length; at += 40_000) {
        for (const one of [scanner, slowly]) one.feed(content.subarray(at, at + 40_000))
        assert.deepEqual([scanner.lastRecord, scanner.isEnded], [slowly.lastRecord, slowly.isEnded])
      }
    }
    assert.deepEqual(events, slow)
    const ended = new Map(events.flatMap((event) => (event.kind === 'restore point' ? [] : [[event.xid, event]])))
    assert.deepEqual(
      xids.map((xid) => ended.get(xid)?.kind),
      xids.map((_, round) => (round % 5 === 4 ? 'abort' : 'commit')),
    )
    for (const line of times.split('\n')) {
      const [xid, us] = line.split('|')
      assert.equal(ended.get(Number(xid))!.atUs, BigInt(us!))
    }
    assert.deepEqual(
      events.flatMap((event) => (event.kind === 'restore point' ? [[event.name, event.end]] : [])),
      [['one point', point]],
    )
    assert.equal(scanner.lastRecord?.end, end)

    // Begun in the middle, where a record is under way, it finds what comes after.
    const middle = segmentOf(from, segmentBytes) + 1
    const bytes = readFileSync(join(server.dataFolder, 'pg_wal', segmentName(1, middle, segmentBytes)))
    const header = readSegmentHeader(bytes)!
    assert.equal(header.start, segmentStart(middle, segmentBytes))
    assert.equal(header.systemIdentifier, await server.psql('select system_identifier from pg_control_system()'))
    const inside = events.filter(
      ({ lsn, end: last }) => lsn >= header.start && last <= header.start + BigInt(segmentBytes),
    )
    assert.equal(segmentFacts(bytes, header).ends, inside.length)
    assert.ok(inside.length > 0)
  },
)

function lastLine(text: string): string {
  return text.split('\n').at(-1)!
}
