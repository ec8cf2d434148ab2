import assert from 'node:assert/strict'
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { temporaryFolder } from '../../testing/temporary-folder.ts'
import { liesWithin, realPlace } from './real-place.ts'
import { requireApart } from './require-apart.ts'

test('requireApart() lets folders beside each other pass, and warns of one device', async () => {
  await using folder = temporaryFolder('apart')
  for (const name of ['keys', 'primary', 'source']) mkdirSync(folder.at(name))
  const { warnings } = await requireApart({
    keyring: folder.at('keys', 'keyring.json'),
    secrets: [{ name: 'key file', path: folder.at('keys', 'unlock.key') }],
    locations: [
      { name: 'location primary', path: folder.at('primary') },
      { name: 'location secondary', path: '/proc/nowhere' },
    ],
    sources: [{ name: 'source documents', path: folder.at('source') }],
    repositories: [{ name: 'repository', path: folder.at('primary', 'production', '1', 'repository') }],
  })
  assert.deepEqual(warnings, ['the keyring is on the same device as location primary: who takes that device has both'])
})

test('requireApart() refuses keys within what is backed up or where backups lie, and the other way round', async () => {
  await using folder = temporaryFolder('apart')
  mkdirSync(folder.at('primary', 'inner'), { recursive: true })
  mkdirSync(folder.at('keys'))
  writeFileSync(folder.at('keys', 'keyring.json'), '')
  symlinkSync(folder.at('primary'), folder.at('to-primary'))
  symlinkSync(folder.at('keys'), folder.at('primary', 'to-keys'))
  symlinkSync(folder.at('primary', 'later'), folder.at('to-later'))
  symlinkSync(folder.at('keys', 'keyring.json'), folder.at('primary', 'link.json'))
  const bare = { secrets: [], locations: [], sources: [], repositories: [] }
  const primary = [{ name: 'location primary', path: folder.at('primary') }]
  const refuses = async (keyring: string, other = primary, message = /the keyring ".*" lies in location primary/) => {
    for (const kind of ['locations', 'sources', 'repositories'] as const) {
      const facts = { ...bare, keyring, [kind]: other }
      await assert.rejects(requireApart(facts), { code: 'refused', message }, `${keyring} ${kind}`)
    }
  }
  await refuses(folder.at('primary', 'keyring.json'))
  await refuses(folder.at('primary'))
  await refuses(folder.at('primary', 'inner', 'absent', 'keyring.json'))
  await refuses(folder.at('to-primary', 'absent', 'keyring.json'))
  await refuses(folder.at('to-later', 'absent', 'keyring.json'))
  await refuses(folder.at('to-later'))
  await refuses(folder.at('keys', '..', 'primary', 'keyring.json'))
  // The name in the location, the file elsewhere: a change of the keyring could put the file there.
  await refuses(folder.at('primary', 'link.json'))
  // The location is named by a symlink, or lies in the keyring's folder.
  await refuses(folder.at('primary', 'keyring.json'), [{ name: 'location primary', path: folder.at('to-primary') }])
  const inKeys = /location primary ".*" lies in the folder of the keyring/
  await refuses(folder.at('keys', 'keyring.json'), [{ name: 'location primary', path: folder.at('keys', 'p') }], inKeys)
  await refuses(folder.at('keyring.json'), primary, inKeys)
  const through = [{ name: 'location primary', path: folder.at('primary', 'to-keys', 'p') }]
  await refuses(folder.at('keys', 'keyring.json'), through, inKeys)

  const secrets = [{ name: 'key file', path: folder.at('primary', 'unlock.key') }]
  await assert.rejects(requireApart({ ...bare, keyring: folder.at('keys', 'k'), secrets, locations: primary }), {
    code: 'refused',
    message: /key file ".*" lies in location primary/,
  })
})

test('realPlace() follows links beyond what exists, and gives up on a circle', async () => {
  await using folder = temporaryFolder('place')
  symlinkSync('b', folder.at('a'))
  symlinkSync('a', folder.at('b'))
  await assert.rejects(realPlace(folder.at('a', 'x')), { code: 'storage_denied', message: /leads to itself/ })
  symlinkSync('../../x/./y', folder.at('up'))
  const { path, identity } = await realPlace(folder.at('up', 'z'))
  assert.equal(path, folder.at('..', '..', 'x', 'y', 'z'))
  assert.equal(identity, undefined)
  writeFileSync(folder.at('file'), '')
  linkSync(folder.at('file'), folder.at('same'))
  // One file by two paths, as a folder is by a bind mount.
  const [one, same] = [await realPlace(folder.at('file')), await realPlace(folder.at('same'))]
  assert.equal(liesWithin(one, same), true)
  assert.equal(liesWithin(one, await realPlace(folder.at('other'))), false)
})
