import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeProcedureWorld, type ProcedureWorld } from '../testing/procedure-world.ts'
import { runProgram } from '../testing/run-program.ts'
import type { SeededRandom } from '../testing/seeded-random.ts'
import { programPath } from './program.ts'

/** Procedures that are killed, with what they are asked for. */
const procedures = {
  'database-restore': ['--source', 'orders'],
  'file-restore': ['--source', 'documents', '--path', 'documents/letters'],
  'restore-test': [],
  'recovery-drill': ['--into', 'drill', '--keyring-export', 'safe.json', '--password-file', '<folder>/passphrase'],
} as const
export type KilledProcedure = keyof typeof procedures
export const killedProcedures = Object.keys(procedures) as KilledProcedure[]

export interface ProcedureKillWorld {
  readonly world: ProcedureWorld
  /** How long each took when nobody killed it, ms. */
  readonly durations: Map<KilledProcedure, number>
}

/** A policy with a backup, a service and keys in a safe; what stands in production differs from the backup. */
export async function makeProcedureKillWorld(folder: string): Promise<ProcedureKillWorld> {
  const world = await makeProcedureWorld(folder)
  await world.expect(0, 'backup')
  writeFileSync(join(folder, 'passphrase'), 'a passphrase for the safe\n')
  const to = ['--to', join(folder, 'safe.json'), '--password-file', join(folder, 'passphrase')]
  await world.expect(0, 'keys', 'export', ...to)
  world.change("insert into orders (item) values ('lost by the restore')")
  copyFileSync(world.database, join(folder, 'changed.db'))
  return { world, durations: new Map() }
}

/**
 * Kills a run with SIGKILL at a random moment, once or twice, and goes on with it until it has ended: it must end well, with
 * its result in place, the services running, and nothing left of its temporary folders. Answers where it was killed.
 */
export async function procedureKillRound(
  { world, durations }: ProcedureKillWorld,
  procedure: KilledProcedure,
  random: SeededRandom,
): Promise<readonly string[]> {
  const { folder } = world
  resetProduction(world)
  const options = procedures[procedure].map((word) => word.replace('<folder>', folder))
  const run = ['procedure', 'run', procedure, ...options]
  const most = durations.get(procedure) ?? (await timed(world, run, procedure, durations))
  resetProduction(world)
  const hits: string[] = []
  let words: readonly string[] = run
  let id: string | undefined
  for (let kills = 1 + random.below(2); kills > 0; kills--) {
    const killAfterMs = 50 + random.below(Math.max(50, most))
    const end = await runProgram(programPath, words, { cwd: folder, killAfterMs })
    // One that was killed before it was on record is begun anew, under another name.
    if (words === run) id = /run (run-[0-9a-f]+)/.exec(end.stderr)?.[1]
    if (end.signal === undefined) {
      assert.equal(end.exitCode, 0, end.stderr) // It had ended before.
      break
    }
    hits.push(`${killAfterMs} ms`)
    if (id !== undefined && (await isBegun(world, id))) words = resume(world, procedure, id)
  }
  const last = await lastState(world, id)
  if (last === undefined) await world.expect(0, ...run)
  else if (last !== 'done') {
    if (!world.isServiceRunning()) await saysStopped(world, id!)
    await world.expect(0, ...resume(world, procedure, id!))
  }
  verify(world, procedure)
  return hits
}

/** The passphrase of an export is never stored, so it is given again. */
function resume({ folder }: ProcedureWorld, procedure: KilledProcedure, id: string): string[] {
  const password = procedure === 'recovery-drill' ? ['--password-file', join(folder, 'passphrase')] : []
  return ['procedure', 'resume', id, ...password]
}

/** Whoever finds the services stopped is told so by `procedure show` and by `status`. */
async function saysStopped({ folder }: ProcedureWorld, id: string): Promise<void> {
  const shown = await runProgram(programPath, ['procedure', 'show', id], { cwd: folder })
  assert.match(shown.stdout, /STOPPED and not started again: web/)
  const status = await runProgram(programPath, ['status'], { cwd: folder })
  assert.equal(status.exitCode, 5)
  assert.match(status.stdout.replaceAll(/\s+/g, ' '), /stopped and not started again: web/)
}

async function timed(
  world: ProcedureWorld,
  words: readonly string[],
  procedure: KilledProcedure,
  durations: Map<KilledProcedure, number>,
): Promise<number> {
  const beginMs = performance.now()
  const end = await runProgram(programPath, words, { cwd: world.folder })
  assert.equal(end.exitCode, 0, end.stderr)
  const durationMs = performance.now() - beginMs
  durations.set(procedure, Math.round(durationMs))
  return durationMs
}

function resetProduction({ folder, database }: ProcedureWorld): void {
  copyFileSync(join(folder, 'changed.db'), database)
  for (const suffix of ['-wal', '-shm']) rmSync(`${database}${suffix}`, { force: true })
  writeFileSync(join(folder, 'running'), '')
  writeFileSync(join(folder, 'documents/letters/one'), 'changed')
  rmSync(join(folder, 'drill'), { recursive: true, force: true })
  for (const place of [folder, join(folder, 'documents')]) {
    for (const name of readdirSync(place)) {
      if (name.endsWith('.old')) rmSync(join(place, name), { recursive: true })
    }
  }
}

async function isBegun(world: ProcedureWorld, id: string): Promise<boolean> {
  return (await lastState(world, id)) !== undefined
}

/** Undefined where the run never came into being. */
async function lastState(world: ProcedureWorld, id: string | undefined): Promise<string | undefined> {
  if (id === undefined) return undefined
  const { code, stdout } = await world.run('procedure', 'show', id, '--json')
  return code === 0 ? (JSON.parse(stdout) as { state: string }).state : undefined
}

function verify(world: ProcedureWorld, procedure: KilledProcedure): void {
  const { folder } = world
  assert.ok(world.isServiceRunning(), 'the service is stopped')
  const expected = procedure === 'database-restore' ? ['first'] : ['first', 'lost by the restore']
  assert.deepEqual(world.orders(), expected)
  const letter = readFileSync(join(folder, 'documents/letters/one'), 'utf8')
  assert.equal(letter, procedure === 'file-restore' ? 'one' : 'changed')
  const left = readdirSync(join(folder, 'documents')).filter(
    (name) => name.includes('zakops-') && !name.endsWith('.old'),
  )
  assert.deepEqual(left, [], 'temporary folders are left in production')
  assert.equal(existsSync(join(folder, 'drill/keys')), false, 'keys are left in the drill')
}
