import assert from 'node:assert/strict'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { neverStopped } from '../../base/abort.ts'
import { type Clock, systemClock } from '../../base/clock.ts'
import { isFailure } from '../../base/failure.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { runTool, type ToolRun } from './client-tools.ts'

/** Ten seconds of it are over in a moment. */
const hasty: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 50, signal) }

/** A program in the place of pg_dump. */
function toolOf(folder: TemporaryFolder, script: string): ToolRun {
  writeFileSync(folder.at('pg_dump'), `#!/bin/sh\n${script}\n`)
  chmodSync(folder.at('pg_dump'), 0o755)
  return { folder: folder.path, tool: 'pg_dump', words: [], environment: { PATH: process.env.PATH! }, clock: hasty }
}

async function appears(path: string): Promise<void> {
  while (!existsSync(path)) await sleep(10)
}

test('runTool() answers what a program wrote, and tells with what words it failed', async () => {
  await using folder = temporaryFolder('tool')
  assert.equal(await runTool(toolOf(folder, 'echo said; echo more >&2'), neverStopped()), 'said\n')
  await assert.rejects(
    runTool(toolOf(folder, 'echo because >&2; exit 3'), neverStopped()),
    (error) => isFailure(error, 'command_failed') && /it ended with 3: because/.test(error.message),
  )
})

test('runTool() that is stopped ends a program that does not listen, with what it started', async () => {
  await using folder = temporaryFolder('tool')
  const stop = new AbortController()
  const deaf = `trap '' TERM; sleep 1000 & echo $! >${folder.at('worker')}; touch ${folder.at('begun')}; while :; do sleep 1000; done`
  const running = runTool(toolOf(folder, deaf), stop.signal)
  await appears(folder.at('begun'))
  const worker = Number(readFileSync(folder.at('worker'), 'utf8'))
  stop.abort()
  await assert.rejects(running, (error) => isFailure(error, 'stopped'))
  while (existsSync(`/proc/${worker}`)) await sleep(10)
})

test('runTool() that is stopped does not wait for a worker whose leader was killed', async () => {
  await using folder = temporaryFolder('tool')
  const stop = new AbortController()
  const running = runTool(toolOf(folder, `sleep 1000 & echo $! >${folder.at('worker')}; kill -KILL $$`), stop.signal)
  await appears(folder.at('worker'))
  while (readFileSync(folder.at('worker'), 'utf8') === '') await sleep(10)
  const worker = Number(readFileSync(folder.at('worker'), 'utf8'))
  try {
    await sleep(100)
    stop.abort()
    await assert.rejects(running, (error) => isFailure(error, 'stopped'))
  } finally {
    process.kill(worker, 'SIGKILL')
  }
})
