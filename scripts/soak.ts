/**
 * The long proofs: kill -9 at random moments, random damages, and backups of a database under a writer, many times over. Takes
 * about an hour.
 *
 *   npm run soak                                   200 kills, 500 damages, 100 backups under a writer
 *   npm run soak -- --kills 20 --damages 0 --sqlite 0 --seed "…"
 *   npm run soak                                   200 kills, 500 damages, 100 kills of the service, two years of a policy
 *   npm run soak -- --kills 20 --damages 0 --serve-kills 0 --fulls 10 --seed "…"
 *
 * The seed is printed; with it a run does the same again, but for the moments at which a kill hits.
 */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { damageRound } from '../e2e/damage-round.ts'
import { killedOperations, killRound, makeKillWorld } from '../e2e/kill-round.ts'
import { zakops } from '../e2e/program.ts'
import { PolicyLife } from '../e2e/policy-life.ts'
import { planDay } from '../e2e/policy-life-plan.ts'
import { makeServeWorld, serveKillRound, verifyServeWorld } from '../e2e/serve-kill-round.ts'
import { findRestics } from '../testing/restic.ts'
import { makeSampleTree } from '../testing/sample-tree.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { soakSqlite } from './soak-sqlite.ts'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    damages: { type: 'string', default: '500' },
    sqlite: { type: 'string', default: '100' },
    'serve-kills': { type: 'string', default: '100' },
    fulls: { type: 'string', default: '104' },
    seed: { type: 'string', default: new Date().toISOString() },
  },
})
const restic = findRestics()[0]
console.log(`seed "${values.seed}"; ${restic?.description ?? 'no restic on the PATH: only our own checks are run'}`)
await soakKills(Number(values.kills))
await soakDamages(Number(values.damages))
await soakSqlite(Number(values.sqlite))
await soakServe(Number(values['serve-kills']))
await soakLife(Number(values.fulls))

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

async function soakServe(count: number): Promise<void> {
  if (count === 0) return
  const random = seededRandom(`${values.seed} serve`)
  await using folder = temporaryFolder('soak')
  const world = await makeServeWorld(folder.path, random)
  let kills = 0
  while (kills < count) {
    const hits = await serveKillRound(world, random)
    kills += hits.length
    console.log(
      `day ${world.day}: serve killed after ${hits.join(' ms, and again after ')} ms: finished by the next one`,
    )
    if (world.day % 20 === 0) await verifyServeWorld(world)
  }
  await verifyServeWorld(world)
  console.log(
    `serve: ${kills} kills in ${world.day} days; one backup a source and due time, the same at both locations`,
  )
}

/** Two years: 104 weekly fulls, and a daily incremental on all other days that are not slept through. */
async function soakLife(fulls: number): Promise<void> {
  if (fulls === 0) return
  const incrementals = fulls * 6 + 2
  // Syncs cost nothing there, and nothing here is about them.
  await using folder = temporaryFolder('soak', existsSync('/dev/shm') ? '/dev/shm' : undefined)
  const life = new PolicyLife(folder.path, seededRandom(`${values.seed} life`))
  const shape = { rotations: [180, 540], joinDay: fulls * 6, rareDays: 40 }
  const startedAt = performance.now()
  await life.begin()
  let restored = 0
  while (life.count('documents', 'full') < fulls || life.count('documents', 'incremental') < incrementals) {
    await life.live(planDay(life.day + 1, shape, life.random))
    if (life.day % 7 === 0) restored += await life.restoreKept(life.random.pick(['primary', 'secondary']), 1)
    if (life.day % 50 === 0) console.log(`day ${life.day}: as the policy says`)
  }
  // The last day may have been one without the secondary, or without a run.
  await life.live({})
  for (const location of ['primary', 'secondary'] as const) restored += await life.restoreKept(location)
  const counts = (['full', 'incremental'] as const).map((kind) => `${life.count('documents', kind)} ${kind}`)
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  console.log(`life: ${life.day} days, ${counts.join(' and ')} of documents; ${restored} restored equal; ${seconds} s`)
}
