import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { test } from 'node:test'
import { runProgram } from '../../../testing/run-program.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { restoreScript } from './restore-script.ts'

const name = '000000010000000000000007'

/** As the server runs it. Answers what it ends with. */
async function run(folder: TemporaryFolder): Promise<number | undefined> {
  const words = ['-c', restoreScript(folder.path, process.pid), 'fetch', name, 'RECOVERYXLOG']
  mkdirSync(folder.at('data'), { recursive: true })
  return (await runProgram('/bin/sh', words, { cwd: folder.at('data') })).exitCode
}

test('restoreScript() that can not ask stops the recovery, and does not end it as if there were no more', async () => {
  await using folder = temporaryFolder('restore-script')
  // Whatever the reason: nothing can be written under this name.
  mkdirSync(folder.at(`want-${name}`))
  assert.equal(await run(folder), 200)
})
