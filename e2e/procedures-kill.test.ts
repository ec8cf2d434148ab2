/** kill -9 at every step of the procedures: the run goes on at its step, ends right, and no service stays stopped unsaid. */
import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { makeProcedureWorld, type ProcedureWorld } from '../testing/procedure-world.ts'
import { runProgram } from '../testing/run-program.ts'
import { type TemporaryFolder, temporaryFolder } from '../testing/temporary-folder.ts'
import { databaseRestoreSteps } from '../src/procedures/database-restore/database-restore.ts'

const program = fileURLToPath(new URL('../testing/killed-program.ts', import.meta.url))
const compileCache = fileURLToPath(new URL('../node_modules/.cache/zakops-backup', import.meta.url))

let folder: TemporaryFolder
let world: ProcedureWorld

before(async () => {
  folder = temporaryFolder('procedures-kill')
  world = await makeProcedureWorld(folder.path)
  await world.expect(0, 'backup', 'orders')
  world.change("insert into orders (item) values ('lost by the restore')")
  cpSync(world.database, folder.at('changed.db'))
})
after(async () => folder[Symbol.asyncDispose]())

async function killed(step: number, moment: string): Promise<string> {
  const words = ['procedure', 'run', 'database-restore', '--source', 'orders']
  const options = { cwd: folder.path, environment: { NODE_COMPILE_CACHE: compileCache } }
  const end = await runProgram(process.execPath, [program, String(step), moment, ...words], options)
  assert.equal(end.signal, 'SIGKILL', end.stderr)
  return /run (run-[0-9a-f]+)/.exec(end.stderr)![1]!
}

// Each boundary is both sides of a step; the end of one and the beginning of the next are one moment to the disk.
for (const [at, step] of databaseRestoreSteps.entries()) {
  test(`a database restore that is killed in "${step}" is finished by resume, or undone by roll-back`, async () => {
    const id = await killed(at + 1, 'after')
    const isStopped = !world.isServiceRunning()
    assert.equal(isStopped, at >= 2 && at < 5, 'services are stopped from the third step to the sixth')
    const [shown] = await world.expect(0, 'procedure', 'show', id, '--json')
    assert.equal(shown!.steps.length, at + 1)
    // By turns, so that each step is killed once and both ways back are gone from half of them.
    if (at % 2 === 0) {
      await world.expect(0, 'procedure', 'resume', id)
      assert.deepEqual(world.orders(), ['first'])
      const [history] = await world.expect(0, 'procedure', 'show', id, '--json')
      assert.equal(history!.state, 'done')
      assert.equal(history!.steps.length, databaseRestoreSteps.length)
    }
    assert.equal(world.isServiceRunning(), at % 2 === 0 ? true : !isStopped)
    await world.expect(0, 'procedure', 'roll-back', id)
    assert.deepEqual(world.orders(), ['first', 'lost by the restore'])
    assert.equal(world.isServiceRunning(), true)
  })
}
