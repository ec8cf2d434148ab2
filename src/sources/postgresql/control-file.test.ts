import assert from 'node:assert/strict'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { readControlFile } from './control-file.ts'

for (const checksums of [true, false]) {
  postgresqlTest(
    `readControlFile() tells what the server itself tells, ${checksums ? 'with' : 'without'} checksums`,
    {
      versions: checksums ? [15, 16, 17, 18] : [18],
      initdb: ['--wal-segsize=2', ...(checksums ? [] : ['--no-data-checksums'])],
      settings: {
        max_connections: '33',
        max_worker_processes: '9',
        max_wal_senders: '7',
        max_prepared_transactions: '5',
        max_locks_per_transaction: '71',
      },
    },
    async ({ server }) => {
      const control = await readControlFile(server.dataFolder)
      const names = [
        'max_connections',
        'max_worker_processes',
        'max_wal_senders',
        'max_prepared_transactions',
        'max_locks_per_transaction',
      ]
      const settings = await server.psql(names.map((name) => `show ${name}`).join(';'))
      assert.deepEqual(Object.values(control).slice(4), settings.split('\n').map(Number))
      assert.equal(control.systemIdentifier, await server.psql('select system_identifier from pg_control_system()'))
      assert.equal(control.segmentBytes, 2 ** 21)
      assert.equal(control.blockBytes, 8192)
      assert.equal(control.hasChecksums, checksums)
    },
  )
}
