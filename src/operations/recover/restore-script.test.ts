import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { amongHiddenProcesses, noHiddenProcesses } from '../../../testing/hidden-processes.ts'
import { runProgram } from '../../../testing/run-program.ts'
import { temporaryFolder, type TemporaryFolder } from '../../../testing/temporary-folder.ts'
import { restoreScript } from './restore-script.ts'

const name = '000000010000000000000007'

/** As the server runs it. Answers what it ends with. */
async function run(folder: TemporaryFolder, path = process.env.PATH!): Promise<number | undefined> {
  const words = ['-c', restoreScript(folder.path, process.pid), 'fetch', name, 'RECOVERYXLOG']
  mkdirSync(folder.at('data'), { recursive: true })
  return (await runProgram('/bin/sh', words, { cwd: folder.at('data'), environment: { PATH: path } })).exitCode
}

test('restoreScript() that can not ask stops the recovery, and does not end it as if there were no more', async () => {
  await using folder = temporaryFolder('restore-script')
  // Whatever the reason: nothing can be written under this name.
  mkdirSync(folder.at(`want-${name}`))
  assert.equal(await run(folder), 200)
})

test('restoreScript() leaves no moment in which a file that it takes seems to be wanted still', async () => {
  await using folder = temporaryFolder('restore-script')
  // Tells what there is whenever a program changes something.
  mkdirSync(folder.at('tools'))
  for (const tool of ['mv', 'rm']) {
    const words = `#!/bin/sh\nls >>${folder.at('seen')}\necho >>${folder.at('seen')}\nexec /bin/${tool} "$@"\n`
    writeFileSync(folder.at(`tools/${tool}`), words)
    chmodSync(folder.at(`tools/${tool}`), 0o755)
  }
  for (const kind of ['want', 'have']) writeFileSync(folder.at(`${kind}-${name}`), kind)
  assert.equal(await run(folder, `${folder.at('tools')}:${process.env.PATH}`), 0)
  assert.equal(readFileSync(folder.at('data/RECOVERYXLOG'), 'utf8'), 'have')
  const moments = readFileSync(folder.at('seen'), 'utf8').split('\n\n').slice(0, -1)
  assert.equal(moments.length, 2)
  for (const moment of moments) assert.ok(moment.includes(`have-${name}`), moment)
})

test('restoreScript() waits for an answer where the processes of others are hidden from the server', {
  skip: noHiddenProcesses,
}, async () => {
  await using folder = temporaryFolder('restore-script')
  mkdirSync(folder.at('data'))
  for (const path of [folder.path, folder.at('data')]) chmodSync(path, 0o777)
  const words = ['/bin/sh', '-c', restoreScript(folder.path, process.pid), 'fetch', name, 'RECOVERYXLOG']
  writeFileSync(folder.at('fetch'), '')
  const running = runProgram('unshare', ['-m', '/bin/sh', '-c', amongHiddenProcesses, 'sh', ...words], {
    cwd: folder.at('data'),
  })
  while (!existsSync(folder.at(`want-${name}`))) await sleep(10)
  await sleep(100) // It looks for what there is meanwhile.
  writeFileSync(folder.at('content'), 'have')
  renameSync(folder.at('content'), folder.at(`have-${name}`))
  assert.equal((await running).exitCode, 0)
  assert.equal(readFileSync(folder.at('data/RECOVERYXLOG'), 'utf8'), 'have')
})

test('restoreScript() stops the recovery where nobody answers any more', async () => {
  await using folder = temporaryFolder('restore-script')
  writeFileSync(folder.at('fetch'), '')
  const { pid } = spawnSync('true')
  const words = ['-c', restoreScript(folder.path, pid), 'fetch', name, 'RECOVERYXLOG']
  assert.equal((await runProgram('/bin/sh', words, { cwd: folder.path })).exitCode, 200)
})
