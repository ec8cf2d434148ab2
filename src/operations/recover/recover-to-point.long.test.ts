import assert from 'node:assert/strict'
import { isFailure } from '../../base/failure.ts'
import { takeHotSnapshot } from '../../../testing/hot-snapshot.ts'
import { Ledger, ledgerFault, type LedgerRow } from '../../../testing/ledger.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { queryServer } from '../../../testing/query-server.ts'
import { recoverIn, testArchive } from '../../../testing/recovery-bench.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { inboxSettings, storeInbox } from '../../../testing/wal-inbox.ts'
import { parseRecoveryTarget, type RecoveryTarget } from './recovery-target.ts'
import { segmentName } from '../../sources/postgresql/wal-name.ts'
import { neverStopped } from '../../base/abort.ts'

const settings = { ...inboxSettings, track_commit_timestamp: 'on' }

function targetsOf(row: LedgerRow): readonly RecoveryTarget[] {
  return [
    { kind: 'time', atUs: row.endUs },
    parseRecoveryTarget(row.lsn),
    { kind: 'name', name: row.point },
    { kind: 'xid', xid: row.xid },
  ]
}

postgresqlTest(
  'recoverToPoint() brings back exactly the rows of each kind of target, paused or promoted, and refuses what can not be',
  { versions: [15, 18], initdb: ['--wal-segsize=1'], settings },
  async ({ server }) => {
    await using folder = temporaryFolder('recover')
    using archive = testArchive()
    await using ledger = await Ledger.on(server)
    for (let n = 0; n < 20; n++) await ledger.write(20_000)
    const snapshot = await takeHotSnapshot(server, folder.at('snapshot-a'), 'a')
    // Of two points of one name the later one is meant.
    await server.psql("select pg_create_restore_point('row 50')")
    for (let n = 0; n < 60; n++) await ledger.write(60_000)
    const later = await takeHotSnapshot(server, folder.at('snapshot-b'), 'b')
    for (let n = 0; n < 20; n++) await ledger.write(60_000)
    await storeInbox(server, archive)
    const snapshots = [snapshot, later]

    const middle = ledger.rows[49]!
    // Each kind costs seconds: the older version shows two of them.
    for (const target of targetsOf(middle).slice(0, server.version === 15 ? 2 : 4)) {
      await using recovery = await recoverIn(folder, {
        archive,
        target,
        snapshots,
        end: target.kind === 'lsn' ? 'promoted' : 'paused',
      })
      assert.equal(recovery.plan.snapshot.id, 'a')
      assert.equal(await ledgerFault(recovery.sandbox.url, middle.n), undefined, target.kind)
      // The check can fail: another row's ledger is not this one's.
      assert.ok((await ledgerFault(recovery.sandbox.url, middle.n + 1)) !== undefined)
      const writes = queryServer(
        recovery.sandbox.url,
        'insert into ledger values (1000); select pg_walfile_name(pg_current_wal_lsn())',
      )
      if (target.kind === 'lsn') assert.match(await writes, /^00000002/)
      else await assert.rejects(writes, /read-only/)
    }
    {
      await using recovery = await recoverIn(folder, { archive, target: { kind: 'latest' }, snapshots })
      assert.equal(recovery.plan.snapshot.id, 'b')
      assert.equal(await ledgerFault(recovery.sandbox.url, ledger.rows.length), undefined)
    }
    const refused = async (
      target: RecoveryTarget,
      code: 'wal_gap' | 'snapshot_missing',
      hint: RegExp,
    ): Promise<void> => {
      await assert.rejects(recoverIn(folder, { archive, target, snapshots }), (error) => {
        assert.ok(isFailure(error, code), String(error))
        assert.match(String(error.facts.hint), hint)
        return true
      })
    }
    const last = ledger.rows.at(-1)!
    await refused({ kind: 'time', atUs: last.endUs + 3_600_000_000n }, 'wal_gap', /from 20\d\d-.* to 20\d\d-/)
    await refused(parseRecoveryTarget('FF/0'), 'wal_gap', /position 0\//)
    await refused({ kind: 'name', name: 'never made' }, 'wal_gap', /Possible on timeline 1/)
    await refused({ kind: 'xid', xid: 5_000_000 }, 'wal_gap', /Possible/)
    await refused({ kind: 'time', atUs: ledger.rows[3]!.endUs }, 'snapshot_missing', /oldest was complete at/)

    // A segment is lost: what lies before it is still possible, what lies behind is refused before anything starts.
    const lost = segmentName(1, Number(BigInt(`0x${ledger.rows[60]!.lsn.slice(2)}`) / BigInt(2 ** 20)), 2 ** 20)
    await archive.remove(
      (await archive.list('', neverStopped())).filter(({ name }) => name === lost),
      neverStopped(),
    )
    await assert.rejects(
      recoverIn(folder, { archive, target: { kind: 'name', name: ledger.rows[70]!.point }, snapshots }),
      (error) =>
        isFailure(error, 'wal_gap') && /behind a gap/.test(error.message) && String(error.facts.hint).includes(lost),
    )
    await using before = await recoverIn(folder, { archive, target: { kind: 'name', name: middle.point }, snapshots })
    assert.equal(await ledgerFault(before.sandbox.url, middle.n), undefined)
  },
)
