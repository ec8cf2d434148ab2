import assert from 'node:assert/strict'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { neverStopped } from '../../base/abort.ts'
import { comparePostgresqlManifests } from '../../model/compare-postgresql-manifests.ts'
import type { PostgresqlManifest } from '../../model/manifest.ts'
import { type ManifestOptions, takePostgresqlManifest } from './take-manifest.ts'

postgresqlTest(
  'takePostgresqlManifest() hashes rows as the manifest does that it is compared with, and else by seeds',
  { versions: [18] },
  async ({ server }) => {
    await server.psql('CREATE TABLE rows AS SELECT g AS id FROM generate_series(1, 9) g')
    const take = async (options: ManifestOptions): Promise<PostgresqlManifest> =>
      await takePostgresqlManifest({ url: server.url }, options, neverStopped())
    const { rowDigest, ...oldest } = await take({ tableBytesMax: 2 ** 40 })
    assert.equal(rowDigest, 'seeds')
    const digests = new Set<string>()
    for (const head of [{ ...oldest, rowDigest }, { ...oldest, rowDigest: 'columns' as const }, oldest]) {
      const manifest = await take({ like: { ...head, databases: [] } })
      assert.equal(manifest.rowDigest, 'rowDigest' in head ? head.rowDigest : undefined)
      assert.equal('rowDigest' in manifest, 'rowDigest' in head)
      digests.add(JSON.stringify(manifest.databases[0]!.tables))
      assert.deepEqual(await take({ like: manifest }), manifest)
      await server.psql('UPDATE rows SET id = 0 WHERE id = 1')
      const differences = comparePostgresqlManifests(manifest, await take({ like: manifest }), { sameServer: true })
      assert.match(JSON.stringify(differences), /public\.rows/)
      await server.psql('UPDATE rows SET id = 1 WHERE id = 0')
    }
    assert.equal(digests.size, 3)
  },
)
