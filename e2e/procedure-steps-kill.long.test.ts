/**
 * kill -9 at both sides of every step of the procedures, and inside of each step at effect after effect: the run goes on at its
 * step and ends right, or is rolled back, and nothing is left behind.
 */
import assert from 'node:assert/strict'
import { copyFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { changesProduction } from '../src/model/procedures/policy-procedures.ts'
import { makeProcedureWorld, type ProcedureWorld } from '../testing/procedure-world.ts'
import { type ProgramEnd, runProgram } from '../testing/run-program.ts'
import { type TemporaryFolder, temporaryFolder } from '../testing/temporary-folder.ts'
import { resetProduction, verifyEnd } from './procedure-kill-round.ts'

const program = fileURLToPath(new URL('../testing/killed-program.ts', import.meta.url))
const compileCache = fileURLToPath(new URL('../node_modules/.cache/zakops-backup', import.meta.url))

let folder: TemporaryFolder
let world: ProcedureWorld

before(async () => {
  folder = temporaryFolder('procedure-steps')
  world = await makeProcedureWorld(folder.path)
  await world.expect(0, 'backup')
  await world.expect(0, 'keys', 'kit', 'create', '--shares', '2', '--threshold', '2', '--to', folder.at('kit'))
  world.change("insert into orders (item) values ('lost by the restore')")
  copyFileSync(world.database, folder.at('changed.db'))
})
after(async () => folder[Symbol.asyncDispose]())

/** Each with the steps that only decide: a kill inside of them comes before they are on record as done. */
const procedures = {
  'database-restore': { words: ['--source', 'orders'], whole: ['Identify the backup point to restore'] },
  'file-restore': {
    words: ['--source', 'documents', '--path', 'documents/letters', '--path', 'documents/notes'],
    whole: ['Identify files to restore'],
  },
  'restore-test': { words: ['--seed', '1'], whole: ['Select random backup'] },
  'recovery-drill': {
    words: ['--into', 'drill', '--share', 'kit/share-1.txt', '--share', 'kit/share-2.txt'],
    whole: ['Execute full recovery procedure: look at production', 'Measure recovery time objective (RTO)'],
  },
} as const

/** The effects of a step before which it is killed, as far as it has so many. The first puts on record that it begins. */
const effects = [2, 3, 9, 33]

for (const procedure of ['database-restore', 'file-restore', 'restore-test', 'recovery-drill'] as const) {
  const { words, whole } = procedures[procedure]
  test(`a ${procedure} that is killed at and inside of each of its steps goes on there, and ends right`, async (context) => {
    const steps = await stepsOf(procedure, words)
    for (const [at, step] of steps.entries()) {
      const boundaries = at === steps.length - 1 ? ['before', 'after', 'behind'] : ['before', 'after']
      let inside = 0
      for (const moment of [...boundaries, ...effects.map(String)]) {
        resetProduction(world)
        const end = await killed({ step: at + 1, moment }, ['procedure', 'run', procedure, ...words])
        if (end.signal === undefined) {
          assert.equal(end.exitCode, 0, end.stderr)
          assert.match(moment, /^\d+$/, 'it was not killed at a boundary')
          break
        }
        if (/^\d+$/.test(moment)) inside += 1
        const id = /run (run-[0-9a-f]+)/.exec(end.stderr)![1]!
        const [shown] = await world.expect(0, 'procedure', 'show', id, '--json')
        assert.equal(shown!.steps.length, moment === 'before' ? at : at + 1, `${step}, ${moment}`)
        await goOn(procedure, id, steps, changesProduction(procedure) && inside % 2 === 1)
      }
      context.diagnostic(`${step}: killed at both sides, and ${inside} times inside`)
      const isWhole = (whole as readonly string[]).includes(step)
      assert.equal(isWhole ? inside === 1 : inside > 1, true, `${step} was killed inside ${inside} times`)
    }
  })
}

/** The steps of a run that nobody kills. */
async function stepsOf(procedure: keyof typeof procedures, words: readonly string[]): Promise<string[]> {
  resetProduction(world)
  const end = await killed({ step: 0, moment: 'before' }, ['procedure', 'run', procedure, ...words])
  assert.equal(end.exitCode, 0, end.stderr)
  const id = /run (run-[0-9a-f]+)/.exec(end.stderr)![1]!
  const [shown] = await world.expect(0, 'procedure', 'show', id, '--json')
  verifyEnd(world, procedure)
  return shown!.steps.map(({ step }) => step)
}

async function killed(
  { step, moment }: { readonly step: number; readonly moment: string },
  words: readonly string[],
): Promise<ProgramEnd> {
  const options = { cwd: folder.path, environment: { NODE_COMPILE_CACHE: compileCache } }
  return await runProgram(process.execPath, [program, String(step), moment, ...words], options)
}

async function goOn(
  procedure: keyof typeof procedures,
  id: string,
  steps: readonly string[],
  isUndone: boolean,
): Promise<void> {
  if (isUndone) {
    await world.expect(0, 'procedure', 'roll-back', id)
    verifyUndone()
    return
  }
  await world.expect(0, 'procedure', 'resume', id)
  const [history] = await world.expect(0, 'procedure', 'show', id, '--json')
  assert.equal(history!.state, 'done')
  assert.deepEqual(
    history!.steps.map(({ step, state }) => [step, state]),
    steps.map((one) => [one, 'done']),
  )
  verifyEnd(world, procedure)
}

/** As if the run had never been. */
function verifyUndone(): void {
  verifyEnd(world, 'restore-test')
}
