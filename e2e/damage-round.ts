import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SeededRandom } from '../testing/seeded-random.ts'
import { tryZakops } from './program.ts'
import { damageAtRandom } from './random-damage.ts'

/** Two copies of one repository. */
export interface Copies {
  readonly repository: string
  readonly mirror: string
}

/**
 * Damages one object at random; check must end with 5 and name it, heal must bring its bytes back from the mirror.
 * Check is told of the mirror, for nothing in a repository names its index files and snapshots: of one that was
 * removed, only another copy knows.
 * Answers what was done. An Error with the damage and what the programs said where either falls short.
 */
export async function damageRound(copies: Copies, random: SeededRandom): Promise<string> {
  const damage = damageAtRandom(copies.repository, random)
  const did = `${damage.objectName}: ${damage.what}`
  const check = await tryZakops(['check', '-r', copies.repository, '--read-data', '--mirror', copies.mirror])
  const said = check.stdout + check.stderr
  if (check.exitCode !== 5) throw new Error(`${did}: check ended with ${check.exitCode}, expected 5\n${said}`)
  if (!said.includes(damage.shownName)) throw new Error(`${did}: check does not name "${damage.shownName}"\n${said}`)

  const heal = await tryZakops(['heal', '-r', copies.repository, '--from', copies.mirror])
  if (heal.exitCode !== 0) {
    throw new Error(`${did}: heal ended with ${heal.exitCode}, expected 0\n${heal.stdout}\n${heal.stderr}`)
  }
  const path = join(copies.repository, damage.objectName)
  if (!existsSync(path) || !readFileSync(path).equals(damage.before)) {
    throw new Error(`${did}: heal ended well and did not bring the bytes back\n${heal.stdout}\n${heal.stderr}`)
  }
  return did
}
