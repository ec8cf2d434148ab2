import { killedProcedures, makeProcedureKillWorld, procedureKillRound } from '../e2e/procedure-kill-round.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

/** kill -9 of the restore procedures at random moments, and again of what goes on with them. */
export async function soakProcedures(count: number, seed: string): Promise<void> {
  if (count === 0) return
  const random = seededRandom(`${seed} procedures`)
  await using folder = temporaryFolder('soak')
  const world = await makeProcedureKillWorld(folder.path)
  let kills = 0
  const steps = new Set<string>()
  for (let round = 0; kills < count; round++) {
    const procedure = killedProcedures[round % killedProcedures.length]!
    const hits = await procedureKillRound(world, procedure, random)
    kills += hits.length
    for (const hit of hits) steps.add(hit)
    const told =
      hits.length === 0 ? 'had ended before' : `killed in ${hits.map((one) => `"${one}"`).join(', and again in ')}`
    console.log(`procedure ${kills}: ${procedure} ${told}: ended well, services run`)
  }
  console.log(`procedures: ${kills} kills in ${steps.size} different steps; every run ended with its result in place`)
}
