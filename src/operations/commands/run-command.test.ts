import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
import { isProcessAlive } from '../../base/process-alive.ts'
import { runCommand } from './run-command.ts'

const request = { output: 'capture', environment: { PATH: process.env['PATH'] }, workingDirectory: '/' } as const

test('runCommand() answers the exit code and what was printed', async () => {
  const ended = await runCommand(
    { ...request, words: ['sh', '-c', 'echo out; echo err >&2; exit 7'] },
    systemClock,
    neverStopped(),
  )
  assert.equal(ended.exitCode, 7)
  assert.match(ended.output, /out/)
  assert.match(ended.output, /err/)
})

test('runCommand() tells a command that a signal ended', async () => {
  const ended = await runCommand({ ...request, words: ['sh', '-c', 'kill -9 $$'] }, systemClock, neverStopped())
  assert.deepEqual([ended.exitCode, ended.endedBy], [137, 'SIGKILL'])
})

test('runCommand() ends the command when it is stopped, also one that passes over SIGTERM', async () => {
  const stop = new AbortController()
  const clock = { ...systemClock, sleep: (_ms: number, signal: AbortSignal) => systemClock.sleep(1, signal) }
  const words = ['sh', '-c', 'trap "" TERM; while :; do sleep 0.05; done']
  const running = runCommand({ ...request, words }, clock, stop.signal)
  setTimeout(() => stop.abort(), 100)
  assert.equal((await running).endedBy, 'SIGKILL')
})

for (const [how, trap, shows] of [
  ['SIGTERM', '', 'SIGTERM'],
  ['SIGKILL where they pass over it', 'trap "" TERM;', 'SIGKILL'],
] as const) {
  test(`runCommand() ends what the command started as well, by ${how}`, async () => {
    await using folder = temporaryFolder('run-command')
    const stop = new AbortController()
    // The grace, in short.
    const clock = { ...systemClock, sleep: (_ms: number, signal: AbortSignal) => systemClock.sleep(1, signal) }
    const part = `${trap} echo $$ > ${folder.at('part')}; while :; do sleep 0.02; done`
    const words = ['sh', '-c', `${trap} sh -c '${part}' & wait`]
    const running = runCommand({ ...request, words }, clock, stop.signal)
    while (!existsSync(folder.at('part')) || readFileSync(folder.at('part')).length === 0)
      await systemClock.sleep(5, neverStopped())
    const processId = Number(readFileSync(folder.at('part'), 'utf8'))
    assert.ok(isProcessAlive(processId))
    stop.abort()
    assert.equal((await running).endedBy, shows)
    for (let look = 0; look < 200 && isRunning(processId); look++) await systemClock.sleep(5, neverStopped())
    const isLeft = isRunning(processId)
    if (isLeft) process.kill(processId, 'SIGKILL')
    assert.ok(!isLeft)
  })
}

test('runCommand() leaves what a command started alone where it ends by itself', async () => {
  const { output } = await runCommand(
    { ...request, words: ['sh', '-c', 'sleep 60 > /dev/null 2>&1 & echo $!'] },
    systemClock,
    neverStopped(),
  )
  assert.ok(isRunning(Number(output)))
  process.kill(Number(output), 'SIGKILL')
})

/** A dead process that nobody has asked for yet runs no more. */
function isRunning(processId: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${processId}/stat`, 'latin1'))
  } catch {
    return false
  }
}

test('runCommand() refuses a program that is not there, and none', async () => {
  await assert.rejects(runCommand({ ...request, words: ['/nowhere/at/all'] }, systemClock, neverStopped()), (error) =>
    isFailure(error, 'command_failed'),
  )
  await assert.rejects(runCommand({ ...request, words: [] }, systemClock, neverStopped()), (error) =>
    isFailure(error, 'usage'),
  )
})
