import assert from 'node:assert/strict'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { systemClock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
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
  const clock = { ...systemClock, sleep: (_ms: number, signal: AbortSignal) => systemClock.sleep(50, signal) }
  const words = ['sh', '-c', 'trap "" TERM; while :; do sleep 0.05; done']
  const running = runCommand({ ...request, words }, clock, stop.signal)
  setTimeout(() => stop.abort(), 100)
  assert.equal((await running).endedBy, 'SIGKILL')
})

test('runCommand() refuses a program that is not there, and none', async () => {
  await assert.rejects(runCommand({ ...request, words: ['/nowhere/at/all'] }, systemClock, neverStopped()), (error) =>
    isFailure(error, 'command_failed'),
  )
  await assert.rejects(runCommand({ ...request, words: [] }, systemClock, neverStopped()), (error) =>
    isFailure(error, 'usage'),
  )
})
