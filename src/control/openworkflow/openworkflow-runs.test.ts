import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { runProgram, runWell } from '../../../testing/run-program.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { neverStopped } from '../../base/abort.ts'
import { fakeClock, systemClock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
import { deathsMax } from '../durable-runs.ts'
import { durableRunsContract } from '../durable-runs.contract.ts'
import { openOpenworkflowRuns } from './openworkflow-runs.ts'

const nothing = async (): Promise<null> => null

const worker = fileURLToPath(new URL('../../../testing/durable-worker.ts', import.meta.url))

durableRunsContract('openOpenworkflowRuns()', async (context) => {
  const folder = temporaryFolder('runs')
  context.after(() => folder[Symbol.asyncDispose]())
  return await openOpenworkflowRuns(folder.at('state'), systemClock)
})

const steps = ['a', 'b']
const moments = [
  'before opening',
  'before the start',
  'after the start',
  'before a',
  ...steps.flatMap((name) => [`in ${name}, before its effect`, `in ${name}, after its effect`, `after ${name}`]),
  'after the end',
]

test('a run is done once, whatever moment its process is killed at', { concurrency: 2 }, async (context) => {
  for (const moment of moments) {
    void context.test(moment, async () => {
      await using folder = temporaryFolder('runs')
      const killed = await runProgram(process.execPath, [worker, folder.path, 'SIGKILL', moment])
      assert.equal(killed.signal, 'SIGKILL', killed.stderr)
      await runWell(process.execPath, [worker, folder.path])
      await using left = await openOpenworkflowRuns(folder.path, systemClock)
      assert.equal(await left.workOne({}, neverStopped()), undefined)
      const log = readFileSync(folder.at('log'), 'utf8').trim().split('\n')
      for (const name of steps) {
        // The step in which the process died is done again, no other one.
        const isTwice = moment === `in ${name}, after its effect`
        assert.equal(
          log.filter((line) => line === `effect ${name}`).length,
          isTwice ? 2 : 1,
          `${name}: ${log.join('; ')}`,
        )
      }
      assert.equal(log.filter((line) => line === 'end: done').length, 1, log.join('; '))
      assert.equal(log.filter((line) => line === 'start: started').length, 1, log.join('; '))
      assertValid(folder.at('runs.sqlite'))
    })
  }
})

test('a suspended process keeps its run, and finishes it when it wakes up', async () => {
  await using folder = temporaryFolder('runs')
  const moment = 'in b, after its effect'
  const child = spawn(process.execPath, [worker, folder.path, 'SIGSTOP', moment], { stdio: 'inherit' })
  const ended = new Promise((resolve) => child.on('exit', resolve))
  while (!statusOf(child.pid!).includes('T')) await new Promise((resolve) => setTimeout(resolve, 10))
  await assert.rejects(openOpenworkflowRuns(folder.path, systemClock), (error) => isFailure(error, 'refused'))
  child.kill('SIGCONT')
  assert.equal(await ended, 0)
  await using runs = await openOpenworkflowRuns(folder.path, systemClock)
  assert.equal(await runs.workOne({}, neverStopped()), undefined)
  const log = readFileSync(folder.at('log'), 'utf8')
  assert.equal(log, 'start: started\neffect a\neffect b\nend: done\n')
})

/** "T" for a stopped process. */
function statusOf(processId: number): string {
  const stat = readFileSync(`/proc/${processId}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3)
}

function assertValid(path: string): void {
  const database = new DatabaseSync(path)
  assert.deepEqual(
    database
      .prepare('PRAGMA integrity_check')
      .all()
      .map((row) => ({ ...row })),
    [{ integrity_check: 'ok' }],
  )
  database.close()
}

test('openOpenworkflowRuns() keeps its file from others, and one opener at a time', async () => {
  await using folder = temporaryFolder('runs')
  const state = folder.at('state')
  const runs = await openOpenworkflowRuns(state, systemClock)
  for (const name of ['runs.sqlite', 'runs.sqlite-wal', 'runs.lock']) {
    assert.equal(statSync(join(state, name)).mode & 0o777, 0o600, name)
  }
  await assert.rejects(openOpenworkflowRuns(state, systemClock), (error) => isFailure(error, 'refused'))
  await runs.close()
  await (await openOpenworkflowRuns(state, systemClock)).close()
})

test('openOpenworkflowRuns() gives up a run that took its process with it each time', async () => {
  await using folder = temporaryFolder('runs')
  const run = { key: 'k', procedure: 'p', input: null }
  const stop = new AbortController()
  let calls = 0
  const p = async (): Promise<null> => {
    calls += 1
    stop.abort()
    throw new Error('stands for a death')
  }
  await using runs = await openOpenworkflowRuns(folder.path, systemClock)
  await runs.start(run)
  for (let death = 0; death < deathsMax; death++) {
    // A new signal each time: the process that died is followed by another.
    const dying = new AbortController()
    const die = async (): Promise<null> => {
      dying.abort()
      return await p()
    }
    await assert.rejects(runs.workOne({ p: die }, dying.signal), (error) => isFailure(error, 'stopped'))
  }
  const end = await runs.workOne({ p }, neverStopped())
  assert.equal(end?.state, 'failed')
  assert.equal(calls, deathsMax)
})

test('openOpenworkflowRuns() forgets runs that ended long ago, and no others', async () => {
  await using folder = temporaryFolder('runs')
  const p = nothing
  await using runs = await openOpenworkflowRuns(folder.path, systemClock)
  await runs.start({ key: 'ended', procedure: 'p', input: null })
  await runs.workOne({ p }, neverStopped())
  await runs.start({ key: 'waiting', procedure: 'p', input: null })
  await runs.close()
  await using later = await openOpenworkflowRuns(folder.path, fakeClock(new Date(Date.now() + 36 * 86_400_000)))
  assert.equal(await later.start({ key: 'waiting', procedure: 'p', input: null }), 'known')
  assert.equal(await later.start({ key: 'ended', procedure: 'p', input: null }), 'started')
})

test('openOpenworkflowRuns() tells a file that is no database, and what may be done with it', async () => {
  await using folder = temporaryFolder('runs')
  writeFileSync(
    folder.at('runs.sqlite'),
    'not a database, though long enough to be taken for the head of one'.repeat(20),
  )
  await assert.rejects(openOpenworkflowRuns(folder.path, systemClock), (error) => {
    assert.ok(isFailure(error, 'catalog_unreadable'))
    assert.match(String(error.facts['hint']), /Move the file aside/)
    return true
  })
})
