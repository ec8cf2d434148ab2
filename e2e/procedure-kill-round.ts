import assert from 'node:assert/strict'
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeProcedureWorld, type ProcedureWorld } from '../testing/procedure-world.ts'
import { runProgram, runWell } from '../testing/run-program.ts'
import type { SeededRandom } from '../testing/seeded-random.ts'
import { programPath } from './program.ts'

/** Procedures that are killed, with what they are asked for. */
const procedures = {
  'database-restore': ['--source', 'orders'],
  'file-restore': ['--source', 'documents', '--path', 'documents/letters', '--path', 'documents/notes'],
  'restore-test': [],
  'recovery-drill': ['--into', 'drill', '--keyring-export', 'safe.json', '--password-file', '<folder>/passphrase'],
} as const
export type KilledProcedure = keyof typeof procedures
export const killedProcedures = Object.keys(procedures) as KilledProcedure[]

/** The program takes about so long until it begins. */
const startMs = 300

export interface ProcedureKillWorld {
  readonly world: ProcedureWorld
  /** How long each took when nobody killed it, without its start, ms. */
  readonly durations: Map<KilledProcedure, number>
}

/** A policy with a backup, a service and keys in a safe; what stands in production differs from the backup. */
export async function makeProcedureKillWorld(folder: string): Promise<ProcedureKillWorld> {
  const world = await makeProcedureWorld(folder)
  // By the world and by the program, which are two hosts to the catalog: a drill asks whether its own took backups.
  await world.expect(0, 'backup')
  await runWell(programPath, ['backup'], { cwd: folder })
  writeFileSync(join(folder, 'passphrase'), 'a passphrase for the safe\n')
  const to = ['--to', join(folder, 'safe.json'), '--password-file', join(folder, 'passphrase')]
  await world.expect(0, 'keys', 'export', ...to)
  world.change("insert into orders (item) values ('lost by the restore')")
  copyFileSync(world.database, join(folder, 'changed.db'))
  return { world, durations: new Map() }
}

/**
 * Kills a run with SIGKILL at a random moment, once or twice, and goes on with it until it has ended: it must end well, with
 * its result in place, the services running, and nothing left of its temporary folders. Answers for each kill the step that it
 * hit, "procedure: step", or that it hit none.
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
    // Until it says its name the program only starts; what goes on with a run says none.
    const isNew = words === run
    const killAfterMs = random.below(Math.max(50, isNew ? most : most / 2)) + (isNew ? 0 : startMs)
    const end = await runProgram(programPath, words, {
      cwd: folder,
      killAfterMs,
      ...(isNew && { killAfterText: 'run run-' }),
    })
    // One that was killed before it was on record is begun anew, under another name.
    if (isNew) id = /run (run-[0-9a-f]+)/.exec(end.stderr)?.[1]
    if (end.signal === undefined) {
      assert.equal(end.exitCode, 0, end.stderr) // It had ended before.
      break
    }
    hits.push(`${procedure}: ${await stepHit(world, id)}`)
    const state = await lastState(world, id)
    if (state === 'done') break // It was killed behind its end.
    if (id !== undefined && state !== undefined) words = resume(world, procedure, id)
  }
  const last = await lastState(world, id)
  if (last === undefined) await world.expect(0, ...run)
  else if (last !== 'done') {
    if (!world.isServiceRunning()) await saysStopped(world, id!)
    await world.expect(0, ...resume(world, procedure, id!))
  }
  verifyEnd(world, procedure)
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
  const durationMs = Math.max(0, performance.now() - beginMs - startMs)
  durations.set(procedure, Math.round(durationMs))
  return durationMs
}

/** Production as it is before a run: what stands there differs from the backup. */
export function resetProduction({ folder, database }: ProcedureWorld): void {
  copyFileSync(join(folder, 'changed.db'), database)
  for (const suffix of ['-wal', '-shm']) rmSync(`${database}${suffix}`, { force: true })
  writeFileSync(join(folder, 'running'), '')
  for (const name of ['letters/one', 'notes']) writeFileSync(join(folder, 'documents', name), 'changed')
  rmSync(join(folder, 'drill'), { recursive: true, force: true })
  for (const place of [folder, join(folder, 'documents')]) {
    for (const name of readdirSync(place)) {
      if (/\.(old|restored)$/.test(name)) rmSync(join(place, name), { recursive: true })
    }
  }
}

/** The step that was under way when the process died. */
async function stepHit(world: ProcedureWorld, id: string | undefined): Promise<string> {
  if (id === undefined || !(await isBegun(world, id))) return 'before it was on record'
  const [shown] = await world.expect(0, 'procedure', 'show', id, '--json')
  return shown!.steps.find(({ state }) => state === 'begun')?.step ?? 'between steps'
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

/** What must be so when a run has ended well. */
export function verifyEnd(world: ProcedureWorld, procedure: KilledProcedure): void {
  const { folder } = world
  assert.ok(world.isServiceRunning(), 'the service is stopped')
  const expected = procedure === 'database-restore' ? ['first'] : ['first', 'lost by the restore']
  assert.deepEqual(world.orders(), expected)
  const documents = ['letters/one', 'notes'].map((name) => readFileSync(join(folder, 'documents', name), 'utf8'))
  assert.deepEqual(documents, procedure === 'file-restore' ? ['one', 'notes'] : ['changed', 'changed'])
  const left = readdirSync(join(folder, 'documents')).filter(
    (name) => name.includes('zakops-') && !/\.(old|restored)$/.test(name),
  )
  assert.deepEqual(left, [], 'temporary folders are left in production')
  const work = readdirSync(join(folder, 'zakops-state/work'))
  assert.deepEqual(work, [], 'something is left of the temporary copies')
  const drill = join(folder, 'drill')
  if (existsSync(drill)) assert.deepEqual(readdirSync(drill), [], 'something is left of the drill')
}
