/**
 * kill -9 at both sides of the steps of procedures on a PostgreSQL server, and inside of them: the run goes on at its step and ends
 * right, and no server, folder or record of one is left.
 */
import assert from 'node:assert/strict'
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import {
  archivingSettings,
  makePostgresqlProcedureWorld,
  type PostgresqlProcedureWorld,
} from '../testing/postgresql-procedure-world.ts'
import type { PostgresqlServer } from '../testing/postgresql-server.ts'
import { noServerUser, postgresqlTest } from '../testing/postgresql-test.ts'
import { queryServer } from '../testing/query-server.ts'
import { runProgram } from '../testing/run-program.ts'

const program = fileURLToPath(new URL('../testing/killed-program.ts', import.meta.url))
const options = {
  versions: [18],
  skip: noServerUser,
  initdb: ['--wal-segsize=1'],
  settings: archivingSettings,
} as const

/** The effects of a step before which it is killed, as far as it has so many. */
const effects = ['3', '17', '27']

/** What a step answered; which of it is there depends on the step. */
interface StepAnswer {
  readonly url?: string
  readonly sandbox?: string
  readonly facts?: { readonly outcome: string }
}

interface Scene {
  readonly world: PostgresqlProcedureWorld
  readonly server: PostgresqlServer
  readonly words: readonly string[]
  /** What must be so when the run has ended; `results` are what its steps answered. */
  readonly verify: (results: readonly StepAnswer[], killed: string) => Promise<void>
  /** Takes away what a run leaves that ended well. */
  readonly clear: () => void
}

/** Kills a run at each of its steps; answers how often it was killed inside of each. */
async function killEverywhere({ world, server, words, verify, clear }: Scene, steps: number): Promise<number[]> {
  const insides: number[] = []
  for (let step = 1; step <= steps; step++) {
    let inside = 0
    for (const moment of ['before', 'after', ...effects]) {
      const environment = { PATH: `${server.binFolder}:${process.env['PATH']}`, TMPDIR: world.folder }
      const all = [program, String(step), moment, ...words]
      const end = await runProgram(process.execPath, all, { cwd: world.folder, environment })
      if (end.signal === undefined) {
        assert.equal(end.exitCode, 0, end.stderr)
        assert.match(moment, /^\d+$/, 'it was not killed at a boundary')
      } else if (/^\d+$/.test(moment)) inside += 1
      const id = /run (run-[0-9a-f]+)/.exec(end.stderr)![1]!
      if (end.signal !== undefined) await world.expect(0, 'procedure', 'resume', id)
      const [shown] = await world.expect(0, 'procedure', 'show', id, '--json')
      assert.equal(shown!.steps.length, steps, `step ${step}, ${moment}`)
      await verify(
        shown!.steps.map(({ result }) => result as StepAnswer),
        `step ${step}, ${moment}`,
      )
      clear()
      if (end.signal === undefined) break
    }
    insides.push(inside)
  }
  return insides
}

/** What lies in a folder, but for that of a private server which was killed before anything came into it. */
function left(folder: string): string[] {
  return readdirSync(folder).filter((name) => {
    return !name.startsWith('zakops-sandbox-') || entriesOf(join(folder, name)) > 0
  })
}

function entriesOf(folder: string): number {
  try {
    return readdirSync(folder).length
  } catch {
    return 0 // It went away meanwhile.
  }
}

/** Names of private servers that are on record, running or not. */
async function sandboxes(world: PostgresqlProcedureWorld): Promise<unknown[]> {
  return (await world.expect(0, 'sandbox', 'list', '--json')).map((one) => ({ ...one }))
}

postgresqlTest(
  'a point-in-time recovery that is killed at and inside of each of its steps ends at its target, with one server',
  options,
  async ({ server, context }) => {
    await server.psql('create table orders (n int); insert into orders values (1), (2), (3)')
    await using world = await makePostgresqlProcedureWorld(server, {
      source: ["assertions: [{ name: four, sql: 'select count(*) from orders', atLeast: 4, atMost: 4 }]"],
      services: ['web', 'database'],
      expectOrders: 4,
    })
    await world.expect(0, 'backup')
    await server.psql('insert into orders values (4)')
    await server.psql("select pg_create_restore_point('before the accident')")
    await server.psql('delete from orders')
    await world.storeLog()
    const into = join(world.folder, 'recovered')
    const wanted = ['--source', 'orders', '--to', 'before the accident', '--into', into]
    const words = ['procedure', 'run', 'point-in-time-recovery', ...wanted]
    const verify: Scene['verify'] = async (results) => {
      const { url, sandbox } = results[2]!
      assert.equal(await queryServer(url!, 'select count(*) from orders'), '4')
      assert.equal((await sandboxes(world)).length, 1, 'no server is left of the run that was killed')
      await world.expect(0, 'sandbox', 'stop', sandbox!)
      assert.deepEqual(await sandboxes(world), [])
    }
    const clear = (): void => rmSync(into, { recursive: true })
    const insides = await killEverywhere({ world, server, words, verify, clear }, 4)
    context.diagnostic(`killed inside of its steps: ${insides.join(', ')} times`)
    assert.ok(
      insides.every((one) => one > 0),
      `a step was not killed inside: ${insides.join(', ')}`,
    )
  },
)

postgresqlTest(
  'a restore test of a server that is killed at and inside of each of its steps proves it, and leaves nothing',
  options,
  async ({ server, context }) => {
    await server.psql('create table orders (n int); insert into orders values (1), (2), (3)')
    await using world = await makePostgresqlProcedureWorld(server, {
      source: [],
      services: ['web', 'database'],
      expectOrders: 3,
    })
    await world.expect(0, 'backup')
    const before = left(world.folder)
    const verify: Scene['verify'] = async (results, killed) => {
      assert.equal(results.at(-1)!.facts!.outcome, 'equal')
      assert.deepEqual(await sandboxes(world), [])
      // What watches over a private server takes a while to see that its caller is gone.
      for (let tries = 0; tries < 300 && left(world.folder).length > before.length; tries++) await sleep(100)
      assert.deepEqual(left(world.folder), before, `a folder is left: ${killed}`)
    }
    const words = ['procedure', 'run', 'restore-test']
    const insides = await killEverywhere({ world, server, words, verify, clear: () => {} }, 5)
    context.diagnostic(`killed inside of its steps: ${insides.join(', ')} times`)
    assert.deepEqual(
      insides.map((one) => one > 0),
      [false, true, true, true, true],
      'the first one only chooses',
    )
  },
)
