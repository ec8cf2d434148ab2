import { appendFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runWell } from '../testing/run-program.ts'
import type { SeededRandom } from '../testing/seeded-random.ts'
import { treeDifferences } from '../testing/tree-differences.ts'
import { environment, parseSnapshots, tryZakops, zakops } from './program.ts'

export const killedOperations = ['backup', 'prune', 'mirror'] as const
export type KilledOperation = (typeof killedOperations)[number]

/** The folders of a run of kills, and the restic that checks as well where there is one. */
export interface KillWorld {
  readonly folder: string
  readonly source: string
  readonly repository: string
  readonly mirror: string
  readonly restic: string | undefined
}

/** What a kill hit. */
export interface KillRound {
  readonly operation: KilledOperation
  readonly afterMs: number
  /** False where the operation had ended before. */
  readonly killed: boolean
}

/** A repository with some snapshots of a tree of a few MiB, and its mirror. `folder` exists and is empty. */
export async function makeKillWorld(
  folder: string,
  restic: string | undefined,
  random: SeededRandom,
): Promise<KillWorld> {
  const world: KillWorld = {
    folder,
    source: join(folder, 'source'),
    repository: join(folder, 'repository'),
    mirror: join(folder, 'mirror'),
    restic,
  }
  for (let index = 0; index < 60; index++) changeSource(world, random)
  await zakops(['repo', 'init', '-r', world.repository])
  await zakops(['backup', '-r', world.repository, world.source])
  await zakops(['mirror', '-r', world.repository, '--to', world.mirror])
  return world
}

/**
 * Lets an operation run with new work to do and kills it (SIGKILL) at a random moment. Then both programs check the
 * repository, the operation is run again to its end, and both check again; the latest snapshot must restore equal.
 * An Error with what a program said where one of these fails.
 */
export async function killRound(
  world: KillWorld,
  operation: KilledOperation,
  random: SeededRandom,
): Promise<KillRound> {
  await prepare(world, operation, random)
  const words = wordsOf(world, operation)
  const copy = join(world.folder, 'copy')
  const full = await timeOnCopy(world, words, copy)
  const afterMs = 30 + random.below(Math.max(1, Math.round(full * 1.1)))
  const end = await tryZakops(words, { killAfterMs: afterMs })
  if (end.signal === undefined && end.exitCode !== 0) {
    throw new Error(`${operation} ended with ${end.exitCode} by itself\n${end.stdout}\n${end.stderr}`)
  }
  const round = { operation, afterMs, killed: end.signal === 'SIGKILL' }
  try {
    await proveValid(world, operation)
    await zakops(words)
    await proveValid(world, operation)
    await proveRestores(world, operation)
  } catch (error) {
    throw new Error(`After ${JSON.stringify(round)}`, { cause: error })
  }
  return round
}

async function prepare(world: KillWorld, operation: KilledOperation, random: SeededRandom): Promise<void> {
  for (let index = 0; index < 5; index++) changeSource(world, random)
  if (operation === 'backup') return
  await zakops(['backup', '-r', world.repository, world.source])
  if (operation === 'prune') await zakops(['forget', '-r', world.repository, '--keep-last', '2'])
  if (operation === 'mirror' && random.below(4) === 0) rmSync(world.mirror, { recursive: true })
}

function wordsOf(world: KillWorld, operation: KilledOperation): string[] {
  switch (operation) {
    case 'backup':
      return ['backup', '-r', world.repository, world.source]
    case 'prune':
      return ['prune', '-r', world.repository, '--max-unused', '0']
    case 'mirror':
      return ['mirror', '-r', world.repository, '--to', world.mirror, '--delete']
    default:
      return operation satisfies never
  }
}

/** How long the operation takes without a kill, tried on a copy of both sides, milliseconds. */
async function timeOnCopy(world: KillWorld, words: readonly string[], copy: string): Promise<number> {
  rmSync(copy, { recursive: true, force: true })
  mkdirSync(copy)
  for (const side of ['repository', 'mirror'] as const) {
    if (existsSync(world[side])) cpSync(world[side], join(copy, side), { recursive: true })
  }
  const begin = performance.now()
  await zakops(
    words.map((word) =>
      word.replace(world.repository, join(copy, 'repository')).replace(world.mirror, join(copy, 'mirror')),
    ),
  )
  const took = performance.now() - begin
  rmSync(copy, { recursive: true })
  return took
}

/** New, changed, and removed files: compressible ones and others, small ones and some of several chunks. */
function changeSource(world: KillWorld, random: SeededRandom): void {
  const folder = join(world.source, `d${random.below(8)}`)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `f${random.below(40)}`)
  const bytes = random.below(20) === 0 ? 3_000_000 : random.below(60_000)
  switch (random.below(4)) {
    case 0:
      return rmSync(path, { force: true })
    case 1:
      return appendFileSync(path, random.bytes(1000))
    case 2:
      return writeFileSync(path, `${random.seed} `.repeat(bytes / 20))
    default:
      return writeFileSync(path, random.bytes(bytes))
  }
}

/** Both checks by both programs, of the side that was written to. */
async function proveValid(world: KillWorld, operation: KilledOperation): Promise<void> {
  const side = operation === 'mirror' ? world.mirror : world.repository
  // A first mirror that was killed at its very beginning is no repository yet, and claims no snapshot.
  if (!existsSync(join(side, 'config'))) {
    if (existsSync(join(side, 'snapshots')) && readdirSync(join(side, 'snapshots')).length > 0) {
      throw new Error(`"${side}" has snapshots and no config`)
    }
    return
  }
  await zakops(['check', '-r', side])
  await zakops(['check', '-r', side, '--read-data'])
  if (world.restic === undefined) return
  const options = { environment: { ...environment, RESTIC_CACHE_DIR: join(world.folder, 'cache') } }
  await runWell(world.restic, ['-r', side, 'unlock'], options)
  await runWell(world.restic, ['-r', side, 'check', '--read-data'], options)
}

async function proveRestores(world: KillWorld, operation: KilledOperation): Promise<void> {
  const side = operation === 'mirror' ? world.mirror : world.repository
  const target = join(world.folder, 'target')
  const [latest] = parseSnapshots((await zakops(['snapshots', '-r', side, '--json', '--latest', '1'])).stdout)
  await zakops(['restore', '-r', side, latest!.id, '--target', target])
  const differences = treeDifferences(world.source, target + world.source)
  rmSync(target, { recursive: true })
  if (differences.length > 0)
    throw new Error(`The latest snapshot restores otherwise:\n${differences.slice(0, 10).join('\n')}`)
}
