import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { projectFolder } from '../scripts/source-files.ts'
import { walFetchExitCodes } from '../src/operations/wal/wal-fetch.ts'
import { runProgram } from '../testing/run-program.ts'
import { temporaryFolder } from '../testing/temporary-folder.ts'

test('bin/zakops-backup tells a restore_command that a file is absent only where the program said so', async () => {
  await using folder = temporaryFolder('start')
  for (const name of ['bin', 'dist']) mkdirSync(folder.at(name))
  copyFileSync(join(projectFolder, 'bin/zakops-backup'), folder.at('bin/zakops-backup'))
  symlinkSync(join(projectFolder, 'node_modules'), folder.at('node_modules'))
  const end = async (code: string, ...words: string[]): Promise<number | undefined> => {
    const environment = { END: code, XDG_CACHE_HOME: folder.at('cache') }
    return (await runProgram(folder.at('bin/zakops-backup'), words, { environment })).exitCode
  }
  const fetch = ['--policy', 'policy.yaml', 'wal', 'fetch', '%f', '%p']
  writeFileSync(folder.at('package.json'), '{"type": "module"}')
  writeFileSync(folder.at('dist/main.js'), 'process.exit(Number(process.env.END))')
  assert.equal(await end('0', ...fetch), 0)
  assert.equal(await end(String(walFetchExitCodes.absent), ...fetch), 1)
  for (const failed of ['1', '2', '5', '134', '200']) assert.equal(await end(failed, ...fetch), 200)
  // What was fetched ahead is handed over without the program, a segment only, and once.
  const segment = '000000010000000A000000FF'
  mkdirSync(folder.at('spool'))
  for (const name of [segment, '00000002.history']) writeFileSync(folder.at('spool', name), name)
  const ahead = (name: string) => ['wal', 'fetch', '--spool', folder.at('spool'), name, folder.at('target')]
  assert.equal(await end('200', ...ahead(segment)), 0)
  assert.equal(readFileSync(folder.at('target'), 'utf8'), segment)
  assert.equal(await end('66', ...ahead(segment)), 1)
  assert.equal(await end('66', ...ahead('00000002.history')), 1)
  assert.equal(await end('2', 'wal', 'fetch', '--spool'), 200)
  // Others end with what the program ends with.
  for (const code of ['0', '1', '5', '66']) assert.equal(await end(code, 'wal', 'push', 'fetch'), Number(code))

  writeFileSync(folder.at('dist/main.js'), "import './lost.js'")
  assert.equal(await end('0', ...fetch), 200)
  assert.equal(await end('0', 'wal', 'push', '%p'), 1)
  rmSync(folder.at('dist/main.js'))
  assert.equal(await end('0', ...fetch), 200)
})
