import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fakeWorld } from '../../../testing/fake-world.ts'
import { type TemporaryFolder, temporaryFolder } from '../../../testing/temporary-folder.ts'
import { isFailure } from '../../base/failure.ts'
import { PolicyFailure } from '../../model/policy/policy-fault.ts'
import type { GlobalOptions } from '../options/global-options.ts'
import { type OpenedPolicy, openPolicy } from './open-policy.ts'

const text = `version: 1
environment: development
locations: { development: { primary: { storage: backups } } }
encryption: { keyManagement: { keyring: keys/keyring.json, unlock: { passphrase: "file:keys/passphrase" } } }
responsibilities: { devops: [a], dba: [b], security: [c], management: [d] }
sources: { documents: { kind: files, paths: [documents] } }
state: state
`

function open(
  folder: TemporaryFolder,
  { policy, environment = {} }: { policy?: string; environment?: Record<string, string> } = {},
): Promise<OpenedPolicy> {
  const world = fakeWorld({ workingDirectory: folder.path, environment })
  return openPolicy({ world, globals: { policy } as GlobalOptions, signal: world.signal })
}

test('openPolicy() takes --policy, else the variable, else the file in the working directory', async () => {
  await using folder = temporaryFolder('open-policy')
  for (const name of ['zakops-backup.yaml', 'variable.yaml', 'typed.yaml']) writeFileSync(folder.at(name), text)
  assert.equal((await open(folder)).path, folder.at('zakops-backup.yaml'))
  const environment = { ZAKOPS_BACKUP_POLICY: 'variable.yaml' }
  assert.equal((await open(folder, { environment })).path, folder.at('variable.yaml'))
  assert.equal((await open(folder, { environment, policy: 'typed.yaml' })).path, folder.at('typed.yaml'))
})

test('openPolicy() makes every path absolute from the folder of the file, and leaves the text as it is', async () => {
  await using folder = temporaryFolder('open-policy')
  mkdirSync(folder.at('sub'))
  writeFileSync(folder.at('sub', 'p.yaml'), `\uFEFF${text}`)
  const { policy, document } = await open(folder, { policy: 'sub/p.yaml' })
  assert.equal(document.text, text)
  assert.equal(document.policy.state, 'state')
  assert.equal(policy.state, folder.at('sub', 'state'))
  assert.equal(policy.locations.development?.primary.storage, folder.at('sub', 'backups'))
  const keyring = folder.at('sub', 'keys', 'keyring.json')
  const unlock = { passphrase: `file:${folder.at('sub', 'keys', 'passphrase')}` }
  assert.deepEqual(policy.encryption.keyManagement, { keyring, unlock })
  assert.partialDeepStrictEqual(policy.sources['documents'], { paths: [folder.at('sub', 'documents')] })
})

test('openPolicy() names every place where it looked', async () => {
  await using folder = temporaryFolder('open-policy')
  const message = async (options?: Parameters<typeof open>[1]): Promise<string> => {
    const error: unknown = await open(folder, options).then(
      () => undefined,
      (failure: unknown) => failure,
    )
    assert.ok(isFailure(error, 'policy_missing'), String(error))
    return error.message
  }
  assert.equal(
    await message(),
    `Cannot find a policy: --policy is not given, ZAKOPS_BACKUP_POLICY is not set, "${folder.at('zakops-backup.yaml')}" is not there, "/etc/zakops-backup/policy.yaml" is not there`,
  )
  assert.equal(await message({ policy: 'x' }), `Cannot read policy "${folder.at('x')}": there is no such file`)
  assert.equal(
    await message({ environment: { ZAKOPS_BACKUP_POLICY: '/x/y' } }),
    'Cannot read policy "/x/y", which ZAKOPS_BACKUP_POLICY names: there is no such file',
  )
  assert.equal(await message({ policy: '.' }), `Cannot read policy "${folder.path}": it is a directory`)
})

test('openPolicy() refuses what is no text, and what is no policy', async () => {
  await using folder = temporaryFolder('open-policy')
  const bad = [Buffer.from([0xff, 0xfe, 0x41]), Buffer.alloc(2 * 1024 * 1024, 0x41), Buffer.from('a: b')]
  for (const bytes of bad) {
    writeFileSync(folder.at('zakops-backup.yaml'), bytes)
    await assert.rejects(open(folder), (error) => error instanceof PolicyFailure)
  }
})

test('openPolicy() follows symlinks, also to what is not there yet, before it believes that keys and backups are apart', async () => {
  await using folder = temporaryFolder('open-policy')
  writeFileSync(folder.at('zakops-backup.yaml'), text)
  mkdirSync(folder.at('backups'))
  symlinkSync(folder.at('backups', 'hidden'), folder.at('keys'))
  await assert.rejects(open(folder), (error) => {
    assert.ok(error instanceof PolicyFailure)
    assert.deepEqual(
      error.faults.map(({ line, path, found, hint }) => ({ line, path, found, hint })),
      [
        {
          line: 4,
          path: 'encryption.keyManagement.keyring',
          found: '"keys/keyring.json", which lies inside locations.development.primary',
          hint: 'symlinks lead there',
        },
        {
          line: 4,
          path: 'encryption.keyManagement.unlock.passphrase',
          found: '"keys/passphrase", which lies inside locations.development.primary',
          hint: 'symlinks lead there',
        },
      ],
    )
    return true
  })
  symlinkSync(folder.at('loop'), folder.at('loop'))
  writeFileSync(folder.at('zakops-backup.yaml'), text.replace('state: state', 'state: loop'))
  await assert.rejects(open(folder), (error) => isFailure(error, 'storage_denied'))
})

test('openPolicy() warns of what one device holds together', async () => {
  await using folder = temporaryFolder('open-policy')
  const both = text.replace('{ storage: backups }', '{ storage: backups }, secondary: { storage: second }')
  writeFileSync(folder.at('zakops-backup.yaml'), both)
  mkdirSync(folder.at('documents'))
  assert.deepEqual((await open(folder)).warnings, [
    'the primary location and the keyring are on one device: who takes it has both',
    'the secondary location and the keyring are on one device: who takes it has both',
    'the primary and the secondary location are on one device: its loss takes both copies',
  ])
})

test('openPolicy() refuses a storage that has no adapter, and warns of a policy that others may change', async () => {
  await using folder = temporaryFolder('open-policy')
  const file = folder.at('zakops-backup.yaml')
  writeFileSync(file, text.replace('storage: backups', 'storage: "s3:bucket"'))
  await assert.rejects(open(folder), (error) => {
    assert.ok(error instanceof PolicyFailure)
    assert.equal(
      error.message.split('\n')[1],
      `  ${file}:3:49: locations.development.primary.storage: found "s3:bucket", expected a folder, or a place of one of "local:" (a folder of this name is written "./s3:…")`,
    )
    return true
  })
  writeFileSync(file, text)
  chmodSync(file, 0o664)
  assert.equal((await open(folder)).warnings[0], `others may change the policy: run chmod go-w "${file}"`)
})
