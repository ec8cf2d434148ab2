import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { type CommandRun, runWords } from '../../../../testing/fake-world.ts'
import { keyringWorld } from '../../../../testing/fresh-keyring.ts'
import { type TemporaryFolder, temporaryFolder } from '../../../../testing/temporary-folder.ts'
import { neverStopped } from '../../../base/abort.ts'
import { openSqliteCatalog } from '../../../catalog/sqlite/sqlite-catalog.ts'
import { createKeyFile } from '../../../keys/key-file-provider.ts'
import { createKeyring, openKeyring } from '../../../keys/open-keyring.ts'
import { masterKeyOf } from '../../../operations/keys/master-key-of.ts'
import { initRepository } from '../../../repository/init-repository.ts'
import { createLocalFolder } from '../../../storage/local/local-folder.ts'
import { localStorage } from '../../../storage/local/local-storage.ts'

const signal = neverStopped()
const { random } = keyringWorld()
const userId = process.getuid!()

/** A folder with a policy of development and its keyring, and a way to type commands under it. */
class Desk implements AsyncDisposable {
  readonly folder: TemporaryFolder = temporaryFolder('keys')
  readonly clock = keyringWorld().clock

  static async open(): Promise<Desk> {
    const desk = new Desk()
    mkdirSync(desk.folder.at('keys'), { mode: 0o700 })
    await createKeyFile(desk.folder.at('keys', 'unlock.key'), random, signal)
    desk.writePolicy('keyFile: keys/unlock.key')
    using keyring = await createKeyring(
      { ...desk.place('keys/unlock.key'), environment: 'development' },
      desk.world,
      signal,
    )
    assert.equal(keyring.sequence, 1)
    return desk
  }

  get world(): ReturnType<typeof keyringWorld> {
    return keyringWorld({ clock: this.clock })
  }

  place(keyFile: string): { file: string; unlock: { keyFile: string } } {
    return { file: this.folder.at('keys', 'keyring.json'), unlock: { keyFile: this.folder.at(keyFile) } }
  }

  writePolicy(unlock: string): void {
    writeFileSync(
      this.folder.at('zakops-backup.yaml'),
      `version: 1
environment: development
locations: { development: { primary: { storage: backups } } }
encryption: { keyManagement: { keyring: keys/keyring.json, unlock: { ${unlock} } } }
responsibilities: { devops: [a], dba: [b], security: [c], management: [d] }
sources: { documents: { kind: files, paths: [documents] } }
state: state
`,
    )
  }

  async type(words: readonly string[], code = 0, environment: Record<string, string> = {}): Promise<CommandRun> {
    const workingDirectory = this.folder.path
    const run = await runWords(['keys', ...words], { workingDirectory, environment, userId, clock: this.clock })
    assert.equal(run.code, code, `${words.join(' ')}\n${run.stdout}\n${run.stderr}`)
    return run
  }

  async read<Document>(words: readonly string[], code = 0): Promise<Document> {
    return JSON.parse((await this.type([...words, '--json'], code)).stdout) as Document
  }

  async events(): Promise<string[]> {
    await using catalog = await openSqliteCatalog(this.folder.at('state', 'catalog.sqlite'))
    return (await catalog.keyEvents()).map(
      ({ kind, generation, actor }) => `${kind}${generation === undefined ? '' : ` ${generation}`} by ${actor}`,
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]()
  }
}

interface Listing {
  readonly generations: readonly { generation: number; state: string; rotation_due?: string }[]
}

test('keys list, rotate and check show the generations, rotate when it is due, and put it on record', async () => {
  await using desk = await Desk.open()
  assert.match((await desk.type(['list'])).stdout, /^development +1 +active +2026-01-01 +rotation due 2027-01-01$/m)
  assert.match((await desk.type(['rotate', '--if-due'])).stdout, /^nothing to do: generation 1 of development/)
  desk.clock.advance(366 * 86_400_000)
  assert.match((await desk.type(['list'])).stderr, /was due to be rotated 2027-01-01: run `keys rotate`/)
  assert.deepEqual(
    await desk
      .read<{ rotated: boolean; generation: number }>(['rotate', '--if-due'])
      .then(({ rotated, generation }) => [rotated, generation]),
    [true, 2],
  )
  const { generations } = await desk.read<Listing>(['list'])
  assert.deepEqual(
    generations.map(({ generation, state, rotation_due: due }) => [generation, state, due?.slice(0, 10)]),
    [
      [1, 'retired', undefined],
      [2, 'active', '2028-01-02'],
    ],
  )
  assert.match((await desk.type(['check'])).stdout, /version 4, 2 keys opened, key-encryption key 2 of a key-file/)
  assert.deepEqual(
    (await desk.events()).filter((event) => !event.startsWith('opened')),
    ['rotated 2', 'rewrapped', 'checked'].map((event) => `${event} by test-user@test-host`),
  )
})

test('keys check ends with 5 where something must be mended', async () => {
  await using desk = await Desk.open()
  writeFileSync(desk.folder.at('keys', 'keyring.json.previous'), 'x')
  const run = await desk.type(['check'], 5)
  assert.match(run.stderr, /^check keys: .*keyring\.json: .*previous": it is not JSON/m)
  assert.equal((await desk.read<{ faults: string[] }>(['check'], 5)).faults.length, 1)
  rmSync(desk.folder.at('keys', 'keyring.json.previous'))
  await desk.type(['check'])

  // A passphrase file that others may read.
  writeFileSync(desk.folder.at('passphrase'), 'p', { mode: 0o644 })
  await desk.type(['rewrap', '--new-passphrase', 'file:passphrase'])
  desk.writePolicy('passphrase: "file:passphrase"')
  assert.match((await desk.type(['check'], 5)).stderr, /passphrase" is open to others \(mode 0644\); run: chmod 600/)
})

test('keys rewrap moves the keyring to a new key file or passphrase and says what the policy must say', async () => {
  await using desk = await Desk.open()
  const { stderr } = await desk.type(['rewrap', '--new-key-file', 'keys/second.key'])
  assert.match(stderr, /encryption\.keyManagement\.unlock: \{ keyFile: .*\/keys\/second\.key \}/)
  assert.match((await desk.type(['list'], 1)).stderr, /this is not its key file/)
  desk.writePolicy('keyFile: keys/second.key')
  await desk.type(['list'])
  await desk.type(['rewrap', '--new-passphrase', 'hunter2'], 2).then((run) => {
    assert.doesNotMatch(run.stderr, /hunter2/)
  })
  await desk.type(['rewrap', '--new-passphrase', 'env:NEW'], 1)
  await desk.type(['rewrap', '--new-passphrase', 'env:NEW', '--new-key-file', 'x'], 2)
  await desk.type(['rewrap', '--new-passphrase', 'env:NEW'], 0, { NEW: 'a passphrase' })
  desk.writePolicy('passphrase: "env:NEW"')
  await desk.type(['list'], 0, { NEW: 'a passphrase' })
  await desk.type(['rewrap', '--new-key-file', 'backups/key'], 4, { NEW: 'a passphrase' })
  assert.equal(existsSync(desk.folder.at('backups', 'key')), false)
})

test('keys export and import: a copy for the safe brings a lost keyring back, and never lies with the backups', async () => {
  await using desk = await Desk.open()
  writeFileSync(desk.folder.at('pw'), 'for the safe\n')
  await desk.type(['export'], 2)
  await desk.type(['export', '--to', 'backups/export', '--password-file', 'pw'], 4)
  await desk.type(['export', '--to', 'documents/export', '--password-file', 'pw'], 4)
  await desk.type(['export', '--to', 'export', '--password-file', desk.folder.at('pw')])
  desk.clock.advance(1)
  await desk.type(['export', '--to', 'export', '--password-file', desk.folder.at('pw')], 4)
  using before = await openKeyring(desk.place('keys/unlock.key'), desk.world, signal)
  const generation = before.active('development')
  rmSync(desk.folder.at('keys', 'keyring.json'))
  const lost = await desk.type(['list'], 1)
  assert.match(lost.stderr, /keyring\.json": there is no such file[\s\S]*keys import FILE/)
  await desk.type(['import', 'absent', '--password-file', desk.folder.at('pw')], 2)
  const importing = ['import', 'export', '--password-file', desk.folder.at('pw')]
  await desk.type(importing)
  using after = await openKeyring(desk.place('keys/unlock.key'), desk.world, signal)
  assert.deepEqual(after.masterKey(generation), before.masterKey(generation))
  const again = await desk.read<{ added: unknown[]; present: unknown[] }>(importing)
  assert.deepEqual([again.added.length, again.present.length], [0, 1])
  assert.deepEqual(
    (await desk.events()).map((event) => event.split(' by ')[0]),
    ['exported', 'exported', 'imported 1'],
  )
})

test('keys export --restic puts a key into a copy and refuses every location', async () => {
  await using desk = await Desk.open()
  writeFileSync(desk.folder.at('pw'), 'secret')
  const place = desk.folder.at('backups', 'development', '1', 'repository')
  await createLocalFolder(place, signal)
  {
    using keyring = await openKeyring(desk.place('keys/unlock.key'), desk.world, signal)
    const masterKey = masterKeyOf(keyring, keyring.active('development'))
    const origin = { hostname: 'h', username: 'u', clock: desk.clock, random }
    await using _ = await initRepository({ storage: localStorage(place), version: 2, masterKey, ...origin }, signal)
  }
  cpSync(place, desk.folder.at('copy'), { recursive: true })
  const words = (into: string): string[] => [
    'export',
    '--restic',
    '--password-file',
    desk.folder.at('pw'),
    '--into',
    into,
  ]
  for (const into of ['backups', place, 'backups/development', '.']) {
    assert.match((await desk.type(words(into), 4)).stderr, /it is no copy, but belongs to location primary/)
  }
  assert.deepEqual(readdirSync(`${place}/keys`), [])
  const { id } = await desk.read<{ id: string }>(words('copy'))
  assert.deepEqual(readdirSync(desk.folder.at('copy', 'keys')), [id])
  const listed = await runWords(['-r', desk.folder.at('copy'), 'snapshots', '--json'], {
    environment: { RESTIC_PASSWORD: 'secret' },
  })
  assert.equal(listed.code, 0, listed.stderr)
  assert.match(readFileSync(desk.folder.at('copy', 'keys', id), 'utf8'), /"kdf":"scrypt"/)
})
