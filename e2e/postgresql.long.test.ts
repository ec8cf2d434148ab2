import { test } from 'node:test'
import { noPostgresql } from '../testing/postgresql-test.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { noPgbench } from '../testing/pgbench.ts'
import { postgresqlPolicyRound } from './postgresql-policy-round.ts'
import { postgresqlRound } from './postgresql-round.ts'

test('WAL of a server under load, stored by receiver and archive_command at once, brings back every acknowledged row', {
  skip: noPostgresql(17) || noPgbench,
}, async (context) => {
  const random = seededRandom(context.name)
  await postgresqlRound({ version: 17, rows: 20, recoveries: 1, random, say: (line) => context.diagnostic(line) })
})

test('a server under load and its own backups by the command line, all killed at random, are recovered to random points', {
  skip: noPostgresql(18) || noPgbench,
}, async (context) => {
  const random = seededRandom(context.name)
  const say = (line: string): void => context.diagnostic(line)
  const counts = await postgresqlPolicyRound({ version: 18, backups: 1, recoveries: 2, random, say })
  say(JSON.stringify(counts))
})
