import { test } from 'node:test'
import { noPostgresql } from '../testing/postgresql-test.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { noPgbench, postgresqlRound } from './postgresql-round.ts'

test('WAL of a server under load, stored by receiver and archive_command at once, brings back every acknowledged row', {
  skip: noPostgresql(17) || noPgbench,
}, async (context) => {
  const random = seededRandom(context.name)
  await postgresqlRound({ version: 17, rows: 20, recoveries: 1, random, say: (line) => context.diagnostic(line) })
})
