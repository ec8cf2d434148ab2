import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { noOrdinaryUser } from '../../../testing/ordinary-user.ts'
import { makeSampleDatabase } from '../../../testing/sample-database.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { sqliteManifestOf } from './sqlite-manifest.ts'

test('copyDatabase() copies from a folder in which it may make no files, whatever the journal mode', {
  skip: noOrdinaryUser,
}, async () => {
  await using folder = temporaryFolder('copy')
  mkdirSync(folder.at('closed'))
  mkdirSync(folder.at('copies'))
  const modes = ['wal', 'delete']
  for (const mode of modes) makeSampleDatabase(folder.at('closed', mode), { journalMode: mode, rows: 100 })
  for (const [name, mode] of [
    ['.', 0o755],
    ['closed', 0o555],
    ['copies', 0o777],
  ] as const) {
    chmodSync(folder.at(name), mode)
  }
  const module = new URL('./copy-database.ts', import.meta.url).href
  const script = `
      const { copyDatabase } = await import(${JSON.stringify(module)})
      for (const mode of ${JSON.stringify(modes)}) {
        const path = ${JSON.stringify(folder.at('closed'))} + '/' + mode
        const target = ${JSON.stringify(folder.at('copies'))} + '/' + mode
        await copyDatabase({ path, target, busyMs: 10 }, () => false)
      }`
  const options = { uid: 65_534, gid: 65_534, cwd: '/', encoding: 'utf8' } as const
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], options)
  assert.equal(status, 0, stderr)
  for (const mode of modes) {
    assert.deepEqual(sqliteManifestOf(folder.at('copies', mode)), sqliteManifestOf(folder.at('closed', mode)))
  }
  assert.deepEqual(readdirSync(folder.at('closed')).toSorted(), modes.toSorted())
})
