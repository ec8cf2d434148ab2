/**
 * The long proofs: kill -9 at random moments, random damages, backups of a database under a writer, kills of the service, two
 * years of a policy, and recoveries of PostgreSQL to random points. Takes about two hours.
 *
 *   npm run soak                     200 kills, 500 damages, 100 backups under a writer, 100 kills of the service and of
 *                                    procedures each, 104 weeks, 20 recoveries on each PostgreSQL
 *   npm run soak -- --kills 20 --damages 0 --sqlite 0 --serve-kills 0 --procedure-kills 0 --fulls 0 --recoveries 0 --seed "…"
 *
 * The seed is printed; with it a run does the same again, but for the moments at which a kill hits.
 */
import { parseArgs } from 'node:util'
import { damageRound } from '../e2e/damage-round.ts'
import { killedOperations, killRound, makeKillWorld } from '../e2e/kill-round.ts'
import { postgresqlPolicyRound } from '../e2e/postgresql-policy-round.ts'
import { postgresqlRound } from '../e2e/postgresql-round.ts'
import { zakops } from '../e2e/program.ts'
import { postgresqlVersions, testServers } from '../testing/postgresql-server.ts'
import { findRestics } from '../testing/restic.ts'
import { makeSampleTree } from '../testing/sample-tree.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { soakProcedures } from './soak-procedures.ts'
import { soakLife, soakServe } from './soak-service.ts'
import { soakSqlite } from './soak-sqlite.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    damages: { type: 'string', default: '500' },
    sqlite: { type: 'string', default: '100' },
    'serve-kills': { type: 'string', default: '100' },
    'procedure-kills': { type: 'string', default: '100' },
    fulls: { type: 'string', default: '104' },
    recoveries: { type: 'string', default: '20' },
    versions: { type: 'string', default: '15,16,17,18' },
    seed: { type: 'string', default: new Date().toISOString() },
  },
})
const restic = findRestics()[0]
console.log(`seed "${values.seed}"; ${restic?.description ?? 'no restic on the PATH: only our own checks are run'}`)
await soakKills(Number(values.kills))
await soakDamages(Number(values.damages))
await soakSqlite(Number(values.sqlite))
await soakServe(Number(values['serve-kills']), values.seed)
await soakProcedures(Number(values['procedure-kills']), values.seed)
await soakLife(Number(values.fulls), values.seed)
await soakPostgresql(Number(values.recoveries))

async function soakKills(count: number): Promise<void> {
  if (count === 0) return
  const random = seededRandom(`${values.seed} kills`)
  await using folder = temporaryFolder('soak')
  const world = await makeKillWorld(folder.path, restic?.path, random)
  const hits = { backup: 0, prune: 0, mirror: 0 }
  let tries = 0
  // Operations that had ended before their kill are not counted.
  while (hits.backup + hits.prune + hits.mirror < count) {
    const operation = killedOperations[tries % killedOperations.length]!
    const round = await killRound(world, operation, random)
    tries += 1
    if (round.killed) hits[operation] += 1
    console.log(`kill ${tries}: ${operation} ${round.killed ? `after ${round.afterMs} ms` : 'had ended before'}: valid`)
  }
  console.log(
    `kills: ${hits.backup} of backup, ${hits.prune} of prune, ${hits.mirror} of mirror; every check passed, every next run finished`,
  )
}

async function soakDamages(count: number): Promise<void> {
  if (count === 0) return
  const random = seededRandom(`${values.seed} damages`)
  await using folder = temporaryFolder('soak')
  const copies = { repository: folder.at('repository'), mirror: folder.at('mirror') }
  makeSampleTree(folder.at('source'), random)
  await zakops(['repo', 'init', '-r', copies.repository])
  for (const part of ['plain', 'names', '.'])
    await zakops(['backup', '-r', copies.repository, folder.at('source', part)])
  await zakops(['mirror', '-r', copies.repository, '--to', copies.mirror])
  for (let round = 1; round <= count; round++)
    console.log(`damage ${round}: ${await damageRound(copies, random)}: named and mended`)
  await zakops(['check', '-r', copies.repository, '--read-data'])
  console.log(`damages: ${count}; each was named by check and mended by heal`)
}

async function soakPostgresql(recoveries: number): Promise<void> {
  if (recoveries === 0) return
  const random = seededRandom(`${values.seed} postgresql`)
  const installed = (await testServers()).map(({ major }) => major)
  for (const version of postgresqlVersions.filter((one) => values.versions.split(',').includes(String(one)))) {
    if (!installed.includes(version)) {
      console.log(`PostgreSQL ${version} is not installed: npm run test-servers`)
      continue
    }
    const done = await postgresqlRound({ version, rows: 200, recoveries, random, say: console.log })
    console.log(
      `PostgreSQL ${version}: ${done.kills} kills, ${done.recoveries} recoveries, each with the rows of its point`,
    )
    const backups = Math.max(1, Math.floor(recoveries / 5))
    const counts = await postgresqlPolicyRound({ version, backups, recoveries, random, say: console.log })
    console.log(
      `PostgreSQL ${version} under a policy: killed were ${counts.backup} backups, ${counts.receiver} receivers and ${counts.server} servers; ${counts.recoveries} recoveries, each with the rows of its point; ${counts.bounded} manifests bounded`,
    )
  }
}
