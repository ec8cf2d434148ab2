import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
import { freshRepository } from '../../../testing/fresh-repository.ts'
import { Ledger, ledgerFault } from '../../../testing/ledger.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { recoverIn, testArchive } from '../../../testing/recovery-bench.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { inboxSettings, storeInbox } from '../../../testing/wal-inbox.ts'
import { parseBackupManifest } from '../../sources/postgresql/backup-manifest.ts'
import { amcheckEverything, amcheckSandbox } from '../../sources/postgresql/amcheck.ts'
import { verifyPages } from '../../sources/postgresql/verify-pages.ts'
import { verifyRestoredFiles } from '../../sources/postgresql/verify-restored-files.ts'
import { backUpPostgresql } from '../back-up-postgresql/back-up-postgresql.ts'
import { noProgress } from '../progress.ts'
import { recoverySnapshotOf, restoreDataFolder } from './recovery-snapshot.ts'

const signal = neverStopped()
const context = { clock: systemClock, progress: noProgress }

postgresqlTest(
  'a physical snapshot from a repository is verified, recovered to a point behind it, and sound to its last page',
  { versions: [17], initdb: ['--wal-segsize=1'], settings: { ...inboxSettings, track_commit_timestamp: 'on' } },
  async ({ server }) => {
    await using folder = temporaryFolder('recover')
    chmodSync(folder.path, 0o755)
    using archive = testArchive()
    await using ledger = await Ledger.on(server)
    for (let n = 0; n < 5; n++) await ledger.write(20_000)
    const repository = await freshRepository()
    const connection = { url: server.url }
    const request = {
      repository,
      source: 'orders',
      connection,
      hostname: 'host',
      parent: undefined,
      transfer: 'all' as const,
      manifest: { tableBytesMax: 2 ** 30 },
      workers: 1,
    }
    const report = await backUpPostgresql(request, { ...context, programVersion: 'test' }, signal)
    for (let n = 0; n < 20; n++) await ledger.write(60_000)
    await storeInbox(server, archive)
    const id = report.tree
    const snapshot = { ...recoverySnapshotOf(report.facts, { id, endedAt: new Date() }), folder: '' }

    const target = folder.at('cluster')
    const restored = { repository, tree: report.tree, dataDirectory: report.facts.dataDirectory, target, workers: 1 }
    {
      // Without any stored WAL the latest state is that of the snapshot, up to its own last record.
      using nothing = testArchive()
      const alone = folder.at('alone')
      const restoreSnapshot = () => restoreDataFolder({ ...restored, target: alone }, context, signal)
      await using latest = await recoverIn(folder, {
        archive: nothing,
        snapshots: [snapshot],
        target: { kind: 'latest' },
        restoreSnapshot,
      })
      assert.equal(latest.point.lsn, snapshot.walEndLsn)
      assert.equal(await ledgerFault(latest.sandbox.url, 5), undefined)
    }
    const row = ledger.rows[14]!
    await using recovery = await recoverIn(folder, {
      archive,
      snapshots: [snapshot],
      target: { kind: 'xid', xid: row.xid },
      end: 'promoted',
      durable: true,
      restoreSnapshot: async () => {
        const dataFolder = await restoreDataFolder(restored, context, signal)
        const manifest = parseBackupManifest(readFileSync(join(dataFolder, 'backup_manifest')))
        const verified = await verifyRestoredFiles(dataFolder, manifest, signal)
        assert.deepEqual(verified.faults, [])
        assert.ok(verified.files > 500)
        return dataFolder
      },
    })
    assert.equal(await ledgerFault(recovery.sandbox.url, row.n), undefined)
    const checked = await amcheckSandbox(recovery.sandbox.url, amcheckEverything, signal)
    assert.ok(checked.every(({ state, faults }) => state === 'checked' && faults.length === 0))
    await recovery.sandbox.stop()
    const pages = await verifyPages(target, 8192, signal)
    assert.ok(pages.pages > 1000)
    assert.deepEqual(pages.faults, [])
    writeFileSync(join(target, 'more'), '')
    await assert.rejects(restoreDataFolder(restored, context, signal), (error) => isFailure(error, 'target_unsafe'))
  },
)
