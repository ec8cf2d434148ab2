import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { runWell } from '../testing/run-program.ts'
import type { SeededRandom } from '../testing/seeded-random.ts'
import { openSqliteCatalog } from '../src/catalog/sqlite/sqlite-catalog.ts'
import type { Run } from '../src/model/run.ts'
import { compileCache } from './live-policy-command.ts'

const program = fileURLToPath(new URL('../testing/shifted-program.ts', import.meta.url))
const dayMs = 86_400_000
const sources = ['documents', 'orders']

/** A policy in a folder, and the day on which its service is. */
export interface ServeWorld {
  readonly folder: string
  day: number
  /** How far ahead its clock is; the same for all processes of a day, whose clock goes on. */
  shiftMs: number
  /** How long an undisturbed service took on the last day, ms. */
  usualMs: number
}

/** A policy of production with files and a database, kept for one day. `folder` exists and is empty. */
export async function makeServeWorld(folder: string, random: SeededRandom): Promise<ServeWorld> {
  const world: ServeWorld = { folder, day: 0, shiftMs: shiftMs(0), usualMs: 0 }
  mkdirSync(join(folder, 'documents'))
  for (let count = 0; count < 20; count++) changeSources(world, random)
  const words = ['init', '--environment', 'production', '--yes']
  for (const location of ['primary', 'secondary']) words.push(`--${location}`, join(folder, location))
  words.push(
    '--source',
    `files:documents=${join(folder, 'documents')}`,
    '--source',
    `sqlite:orders=${join(folder, 'orders.db')}`,
  )
  await runWell(process.execPath, [program, '0', ...words], { cwd: folder })
  const startedAt = performance.now()
  await finishDay(world)
  world.usualMs = performance.now() - startedAt
  return world
}

/**
 * Lives through the next day: something has changed, the service is killed at a random moment, perhaps a second time
 * while it recovers, and then started once more. That one must finish what is due: exactly one backup for each source, the
 * same in the catalog and at both locations, and sound databases. Answers when the kills hit, ms after the start.
 */
export async function serveKillRound(world: ServeWorld, random: SeededRandom): Promise<number[]> {
  world.day += 1
  world.shiftMs = shiftMs(world.day)
  for (let count = 0; count < 3; count++) changeSources(world, random)
  const kills: number[] = []
  do {
    const afterMs = Math.round(world.usualMs * (0.2 + random.below(1000) / 1000))
    kills.push(afterMs)
    const killed = startServe(world)
    const ended = once(killed, 'exit')
    await sleep(afterMs)
    killed.kill('SIGKILL')
    await ended
  } while (random.below(3) === 0)
  await finishDay(world)
  return kills
}

/** Reads every byte of every backup at both locations. */
export async function verifyServeWorld(world: ServeWorld): Promise<void> {
  const words = ['verify', '--read-data']
  await runWell(process.execPath, [program, String(world.shiftMs), ...words], { cwd: world.folder })
}

function startServe(world: ServeWorld) {
  return spawn(process.execPath, [program, String(world.shiftMs), 'serve', '--json'], {
    cwd: world.folder,
    // Without it the start is most of what a kill could hit.
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

/** How far ahead the clock is at five past two of the day, a Monday at first. */
function shiftMs(day: number): number {
  return slotOf(day).getTime() + 5 * 60_000 - Date.now()
}

function slotOf(day: number): Date {
  return new Date(Date.parse('2027-02-01T02:00:00Z') + day * dayMs)
}

async function finishDay(world: ServeWorld): Promise<void> {
  const service = startServe(world)
  const ended = once(service, 'exit')
  let said = ''
  service.stderr.setEncoding('utf8').on('data', (part: string) => {
    said += part
  })
  const isDone = async (): Promise<boolean> =>
    said.includes('keeping') && (await succeeded(world)).length === sources.length
  while (service.exitCode === null && !(await isDone())) await sleep(25)
  service.kill('SIGTERM')
  const stopAt = performance.now()
  const [code] = (await ended) as [number | null]
  assert.equal(code, 0, said)
  assert.ok(performance.now() - stopAt < 10_000, 'the service took more than ten seconds to stop')
  await assertDayIsRight(world)
}

async function dayRuns({ folder, day }: ServeWorld): Promise<Run[]> {
  await using catalog = await openSqliteCatalog(join(folder, 'zakops-state', 'catalog.sqlite'))
  const runs = await catalog.runs({ procedure: 'backup' })
  // The first backup was due when the policy came into force, not at two.
  return runs.filter(({ dueAt }) => day === 0 || dueAt?.getTime() === slotOf(day).getTime())
}

async function succeeded(world: ServeWorld): Promise<Run[]> {
  return (await dayRuns(world)).filter(({ state }) => state === 'done')
}

async function assertDayIsRight(world: ServeWorld): Promise<void> {
  for (const name of ['catalog.sqlite', 'runs.sqlite']) {
    const database = new DatabaseSync(join(world.folder, 'zakops-state', name))
    assert.equal(database.prepare('PRAGMA integrity_check').get()?.['integrity_check'], 'ok', name)
    database.close()
  }
  const runs = await dayRuns(world)
  assert.deepEqual(runs.map(({ source, state }) => `${source} ${state}`).toSorted(), ['documents done', 'orders done'])
  await using catalog = await openSqliteCatalog(join(world.folder, 'zakops-state', 'catalog.sqlite'))
  const backups = await catalog.backups()
  const copies = await catalog.copies()
  for (const { id } of runs) assert.equal(backups.filter(({ run }) => run === id).length, 1, `backups of ${id}`)
  const ids = backups.map(({ id }) => id).toSorted()
  for (const location of ['primary', 'secondary'] as const) {
    const stored = readdirSync(join(world.folder, location, 'production', '1', 'repository', 'snapshots')).toSorted()
    assert.deepEqual(stored, ids, location)
    const recorded = copies.filter((copy) => copy.location === location).map(({ backup }) => backup)
    assert.deepEqual(recorded.toSorted(), ids, `${location} on record`)
  }
}

function changeSources({ folder }: ServeWorld, random: SeededRandom): void {
  const bytes = random.bytes(random.pick([10, 5_000, 300_000]))
  writeFileSync(join(folder, 'documents', `file-${random.below(40)}`), bytes)
  const database = new DatabaseSync(join(folder, 'orders.db'))
  database.exec('CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, body BLOB)')
  database.prepare('INSERT INTO orders (body) VALUES (?)').run(random.bytes(2_000))
  database.close()
}
