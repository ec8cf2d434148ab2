import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFailure } from '../../base/failure.ts'
import { postgresqlTest } from '../../../testing/postgresql-test.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { dataFolderUsers, requireUnusedDataFolder } from './data-folder-users.ts'

postgresqlTest(
  'dataFolderUsers() names a server that runs, and none when it is stopped',
  { versions: [18] },
  async ({ server }) => {
    const { dataFolder, pid } = server
    assert.equal(dataFolderUsers(dataFolder).includes(pid), true)
    assert.throws(
      () => requireUnusedDataFolder(dataFolder),
      (error) => isFailure(error, 'database_busy') && error.message.includes(dataFolder),
    )
    await server.stop()
    assert.deepEqual(dataFolderUsers(dataFolder), [])
  },
)

test('dataFolderUsers() takes another program of the number in postmaster.pid for no server', async () => {
  await using folder = temporaryFolder('users')
  const child = spawn('sleep', ['60'], { cwd: '/' })
  await once(child, 'spawn')
  try {
    writeFileSync(join(folder.path, 'postmaster.pid'), `${child.pid}\n${folder.path}\n`)
    assert.deepEqual(dataFolderUsers(folder.path), [])
  } finally {
    child.kill()
    await once(child, 'exit')
  }
})

test('dataFolderUsers() finds who works in the folder by the number in postmaster.pid, whatever it is called', async () => {
  await using folder = temporaryFolder('users')
  const child = spawn('sleep', ['60'], { cwd: folder.path })
  await once(child, 'spawn')
  try {
    assert.deepEqual(dataFolderUsers(folder.path), [], 'a shell of a person there is no server')
    writeFileSync(join(folder.path, 'postmaster.pid'), `${child.pid}\n${folder.path}\n`)
    assert.deepEqual(dataFolderUsers(folder.path), [child.pid])
  } finally {
    child.kill()
    await once(child, 'exit')
  }
})

test('dataFolderUsers() of a folder that is not there are none', () => {
  assert.deepEqual(dataFolderUsers('/nowhere/to/be/found'), [])
})
