import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { comparePostgresqlManifests } from '../../model/compare-postgresql-manifests.ts'
import { initRepository } from '../../repository/init-repository.ts'
import { takePostgresqlManifest } from '../../sources/postgresql/take-manifest.ts'
import { createLocalFolder } from '../../storage/local/local-folder.ts'
import { localStorage } from '../../storage/local/local-storage.ts'
import { backUpServer } from '../../../testing/back-up-server.ts'
import { cheapCost } from '../../../testing/fresh-repository.ts'
import { startPostgresqlServer } from '../../../testing/postgresql-server.ts'
import { noPostgresql } from '../../../testing/postgresql-test.ts'
import { findRestics } from '../../../testing/restic.ts'
import { runWell } from '../../../testing/run-program.ts'
import { startRestoredCluster } from '../../../testing/start-restored-cluster.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'

const signal = neverStopped()
const random = (count: number): Uint8Array => randomBytes(count)
const [restic] = findRestics()
const skip = noPostgresql(17) || (restic === undefined ? 'no restic is on the PATH' : false)

test('restic alone restores a snapshot that was put together from changes, and it starts and is equal', {
  skip,
}, async () => {
  await using server = await startPostgresqlServer({ version: 17, settings: { summarize_wal: 'on' } })
  await using folder = temporaryFolder('pg-restic')
  const place = folder.at('repository')
  await createLocalFolder(place, signal)
  const origin = { hostname: 'host', username: 'user', clock: systemClock, random, cost: cheapCost }
  const repository = await initRepository(
    { storage: localStorage(place), version: 2, password: 'secret', ...origin },
    signal,
  )
  await server.psql('CREATE TABLE rows AS SELECT g AS id, md5(g::text) AS text FROM generate_series(1, 40000) g')
  await server.psql('VACUUM')
  await backUpServer(repository, server)
  const [parent] = await repository.listSnapshots(signal)
  await server.psql("UPDATE rows SET text = 'changed' WHERE id % 1000 = 1")
  const report = await backUpServer(repository, server, { parent })
  assert.equal(report.facts.transfer, 'incremental')

  const options = { environment: { RESTIC_PASSWORD: 'secret', RESTIC_REPOSITORY: place } }
  const run = async (words: string[]): Promise<unknown> =>
    await runWell(restic!.path, ['--no-cache', ...words], options)
  await run(['check', '--read-data'])
  await run(['restore', report.snapshotId!, '--target', folder.at('restored')])
  await using work = temporaryFolder('pg-work')
  await using restored = await startRestoredCluster(server, join(folder.at('restored'), 'orders'), work.path)
  const found = await takePostgresqlManifest({ url: restored.url }, { like: report.manifest! }, signal)
  assert.deepEqual(comparePostgresqlManifests(report.manifest!, found, { sameServer: true }), [])
})
