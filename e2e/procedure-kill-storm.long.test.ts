import assert from 'node:assert/strict'
import { test } from 'node:test'
import { seededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'
import { killedProcedures, makeProcedureKillWorld, procedureKillRound } from './procedure-kill-round.ts'

/** Else the kills come where nothing happens, and prove nothing. */
const stepsWanted = 5
const roundsMin = 2
const roundsMax = 10
const isNoStep = /: (before it was on record|between steps)$/

// `npm run soak` does this a hundred times.
test('procedures that are killed at any moment go on, end well, and leave nothing stopped', async (context) => {
  const seed = new Date().toISOString()
  context.diagnostic(`seed "${seed}"`)
  const random = seededRandom(seed)
  await using folder = temporaryFolder('procedure-kills')
  const world = await makeProcedureKillWorld(folder.path)
  const hits: string[] = []
  const steps = (): number => new Set(hits.filter((one) => !isNoStep.test(one))).size
  for (let round = 0; round < roundsMin || (round < roundsMax && steps() < stepsWanted); round++) {
    for (const procedure of killedProcedures) hits.push(...(await procedureKillRound(world, procedure, random)))
  }
  for (const [step, all] of Map.groupBy(hits, (one) => one)) context.diagnostic(`${step}: ${all.length}`)
  assert.ok(steps() >= stepsWanted, `only ${steps()} different steps were hit, expected ${stepsWanted} at least`)
})
