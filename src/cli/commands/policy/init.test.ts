import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { type CommandRun, runWords } from '../../../../testing/fake-world.ts'
import { type TemporaryFolder, temporaryFolder } from '../../../../testing/temporary-folder.ts'
import { openKeyring } from '../../../keys/open-keyring.ts'
import { fakeWorld } from '../../../../testing/fake-world.ts'
import { neverStopped } from '../../../base/abort.ts'
import { readPolicy } from '../../../model/policy/read-policy.ts'
import type { World } from '../../world.ts'

const userId = process.getuid?.() ?? 0

function init(folder: TemporaryFolder, words: readonly string[], changes: Partial<World> = {}): Promise<CommandRun> {
  return runWords(['init', ...words], { workingDirectory: folder.path, userId, ...changes })
}

function mode(path: string): string {
  return (statSync(path).mode & 0o7777).toString(8)
}

test('init writes a policy, a keyring and a key file for their owner alone, ready to run', async () => {
  await using folder = temporaryFolder('init')
  mkdirSync(folder.at('documents'))
  const run = await init(folder, ['--source', 'files:documents=documents', '--yes'])
  assert.equal(run.code, 0, run.stderr)
  const [policy, keyring, keyFile] = [
    folder.at('zakops-backup.yaml'),
    folder.at('zakops-keyring', 'keyring.json'),
    folder.at('zakops-keyring', 'zakops-backup.key'),
  ]
  assert.equal(
    run.stdout,
    `wrote policy    ${policy}\nwrote keyring   ${keyring}\nwrote key file  ${keyFile}\nmade folder     ${folder.at('zakops-primary')}\n`,
  )
  assert.match(run.stderr, /Copy them now to places that are neither this machine nor a location/)
  for (const file of [policy, keyring, keyFile]) assert.equal(mode(file), '600', file)
  for (const made of ['zakops-keyring', 'zakops-primary']) assert.equal(mode(folder.at(made)), '700')
  assert.deepEqual(readdirSync(folder.path).toSorted(), [
    'documents',
    'zakops-backup.yaml',
    'zakops-keyring',
    'zakops-primary',
  ])

  const read = readPolicy(readFileSync(policy, 'utf8'), policy).policy
  assert.partialDeepStrictEqual(read.sources['documents'], { kind: 'files', paths: ['./documents'] })
  assert.deepEqual(read.responsibilities.management, ['test-user'])
  using opened = await openKeyring({ file: keyring, unlock: { keyFile } }, fakeWorld({ userId }), neverStopped())
  assert.equal(opened.active('development').generation, 1)
  assert.doesNotMatch(run.stderr, /source "documents"/)
  const check = await runWords(['policy', 'check'], { workingDirectory: folder.path })
  assert.equal(check.code, 0, check.stderr)
  assert.doesNotMatch(check.stderr, /source "documents"/)
})

test('init and policy check warn of a source that is not there, or is no database, and refuse neither', async () => {
  await using folder = temporaryFolder('init')
  mkdirSync(folder.at('documents'))
  writeFileSync(folder.at('plain'), '')
  const words = ['files:mine=documents', 'files:mine=dokuments', 'files:one=plain', 'sqlite:orders=documents']
  words.push('sqlite:deep=plain/below.db', 'sqlite:there=plain')
  const run = await init(folder, [...words.flatMap((word) => ['--source', word]), '--yes'])
  assert.equal(run.code, 0, run.stderr)
  const check = await runWords(['policy', 'check'], { workingDirectory: folder.path })
  const json = await runWords(['policy', 'check', '--json'], { workingDirectory: folder.path })
  const expected = [
    `source "mine": "${folder.at('dokuments')}" is not there: until it is, a backup of this source fails`,
    `source "orders": "${folder.at('documents')}" is no file: expected a SQLite database`,
    `source "deep": "${folder.at('plain')}/below.db" is not there: until it is, a backup of this source fails`,
  ]
  const found = (JSON.parse(json.stdout) as { readonly warnings: readonly string[] }).warnings
  assert.deepEqual(
    found.filter((one) => one.startsWith('source')),
    expected,
  )
  for (const one of expected) assert.ok(run.stderr.includes(`note: ${one}\n`) && check.stderr.includes(one), one)
})

test('init sets up production with every option, and tells it as JSON', async () => {
  await using folder = temporaryFolder('init')
  writeFileSync(folder.at('passphrase'), 'correct horse battery staple\n')
  const words = ['--environment', 'production', '--primary', 'first', '--secondary', folder.at('second')]
  words.push('--source', 'files:docs=/srv/a', '--source', 'files:docs=/srv/b', '--source', 'sqlite:orders=/srv/o.db')
  words.push('--source', 'postgresql:main=postgresql://backup@localhost/postgres', '--keyring', 'etc/keys/ring')
  words.push('--passphrase-file', 'passphrase', '--state', 'var', '--policy', 'etc/policy.yaml', '--json', '--yes')
  words.push('--owner-devops', 'Ann', '--owner-devops', 'Ben', '--owner-management', 'no')
  const run = await init(folder, words)
  assert.equal(run.code, 0, run.stderr)
  const path = folder.at('etc', 'policy.yaml')
  const { warnings, ...told } = JSON.parse(run.stdout) as { readonly warnings: readonly string[] }
  assert.ok(warnings.includes('source "docs": "/srv/a" is not there: until it is, a backup of this source fails'))
  assert.ok(warnings.some((one) => one.startsWith('source "orders": "/srv/o.db" is not there')))
  assert.deepEqual(told, {
    message_type: 'initialized',
    policy: path,
    environment: 'production',
    keyring: folder.at('etc', 'keys', 'ring'),
    made_folders: [folder.at('first'), folder.at('second')],
  })
  const { policy } = readPolicy(readFileSync(path, 'utf8'), path)
  assert.equal(policy.locations.production?.primary.storage, folder.at('first'))
  assert.deepEqual(policy.encryption.keyManagement, {
    keyring: './keys/ring',
    unlock: { passphrase: `file:${folder.at('passphrase')}` },
  })
  assert.partialDeepStrictEqual(policy.sources['docs'], { paths: ['/srv/a', '/srv/b'] })
  assert.deepEqual(policy.responsibilities.devops, ['Ann', 'Ben'])
  assert.deepEqual(policy.responsibilities.management, ['no'])
  assert.equal(policy.state, folder.at('var'))
})

test('init refuses production without an off-site location, and names everything that is missing', async () => {
  await using folder = temporaryFolder('init')
  const run = await init(folder, ['--environment', 'production', '--primary', 'a', '--source', 'sqlite:a=/a', '--yes'])
  assert.equal(run.code, 2)
  assert.match(run.stderr, /Cannot write a policy of production: it lacks --secondary <place>, an off-site location\n/)
  assert.match(
    (await init(folder, ['--environment', 'production', '--yes'])).stderr,
    /--source .*; --primary .*; --secondary/,
  )
  assert.deepEqual(readdirSync(folder.path), [])
})

test('init overwrites nothing, and leaves nothing behind where it fails', async () => {
  await using folder = temporaryFolder('init')
  const words = ['--source', 'sqlite:a=/srv/a.db', '--secondary', 'second', '--yes']
  const bad: readonly { words?: string[]; before?: () => void; code: number; tells: RegExp }[] = [
    {
      words: ['--passphrase-file', 'gone'],
      code: 1,
      tells: /Cannot read secret from file ".*gone": there is no such file/,
    },
    {
      words: ['--primary', 'no/where'],
      code: 1,
      tells: /the primary location ".*no\/where": there is no folder above it/,
    },
    {
      words: ['--primary', 'second'],
      code: 2,
      tells: /locations.development.secondary.storage: found "\.\/second", which is the primary/,
    },
    { words: ['--primary', 's3:bucket'], code: 1, tells: /there is no storage "s3:"/ },
    { words: ['--source', 'sqlite:B=/b'], code: 2, tells: /sources\.B: found "B", expected a name of small letters/ },
    { words: ['--source', 'sqlite:a=/b'], code: 2, tells: /Cannot name two sources "a"/ },
    { words: ['--source', 'sqlite:a'], code: 2, tells: /Expected files:NAME=PATH/ },
    { words: ['--source', 'postgresql:p=postgresql://u:hunter2@h/d'], code: 2, tells: /a URL with a password in it/ },
    { words: ['--key-file', 'a', '--passphrase-file', 'b'], code: 2, tells: /both a key file and a passphrase file/ },
    { words: ['--keyring', 'zakops-primary/k'], code: 2, tells: /which lies inside locations.development.primary/ },
  ]
  for (const { words: more = [], code, tells } of bad) {
    const run = await init(folder, [...words, ...more])
    assert.equal(run.code, code, run.stderr)
    assert.match(run.stderr, tells)
    assert.ok(!run.stderr.includes('hunter2'))
    assert.deepEqual(readdirSync(folder.path), [], more.join(' '))
  }
  // Others may write where the keyring would go: that is found last, after the folders and the key file were made.
  mkdirSync(folder.at('zakops-keyring'))
  chmodSync(folder.at('zakops-keyring'), 0o777)
  assert.equal((await init(folder, words)).code, 4)
  assert.deepEqual(readdirSync(folder.path, { recursive: true }), ['zakops-keyring'])

  chmodSync(folder.at('zakops-keyring'), 0o700)
  for (const name of ['zakops-backup.yaml', 'zakops-keyring/keyring.json']) {
    writeFileSync(folder.at(name), 'mine')
    const run = await init(folder, words)
    assert.equal(run.code, 4, name)
    assert.match(run.stderr, /there is one already/)
    assert.equal(readFileSync(folder.at(name), 'utf8'), 'mine')
    rmSync(folder.at(name))
  }
  assert.ok(!existsSync(folder.at('zakops-primary')))
})

test('init asks at a terminal for what is not given, and again where an answer does not fit', async () => {
  await using folder = temporaryFolder('init')
  const typed = [
    'prod',
    'production',
    '',
    'first',
    'second',
    '',
    'nonsense',
    'sqlite:a=/srv/a.db',
    'files:b=/srv/b',
    '',
  ]
  const stdin = Object.assign(new PassThrough(), { isTTY: true })
  stdin.end(typed.map((line) => `${line}\n`).join(''))
  const run = await init(folder, [], { stdin })
  assert.equal(run.code, 0, run.stderr)
  assert.match(run.stderr, /^environment \(production, staging, development\) \[development\]: Expected one of/)
  assert.match(run.stderr, /Production must have it\.\n/)
  assert.match(run.stderr, /Expected files:NAME=PATH/)
  const path = folder.at('zakops-backup.yaml')
  const { policy } = readPolicy(readFileSync(path, 'utf8'), path)
  assert.equal(policy.environment, 'production')
  assert.deepEqual(Object.keys(policy.sources), ['a', 'b'])
  assert.equal(policy.locations.production?.secondary === 'N/A', false)
})

test('init asks nobody where stdin is no terminal, and stops where the answers end', async () => {
  await using folder = temporaryFolder('init')
  const run = await init(folder, ['--source', 'sqlite:a=/a'])
  assert.equal(run.code, 2)
  assert.match(run.stderr, /stdin is no terminal\n {2}hint: {4}Give --yes/)
  const stdin = Object.assign(new PassThrough(), { isTTY: true })
  stdin.end('production\n')
  assert.equal((await init(folder, [], { stdin })).code, 1)
  const stop = new AbortController()
  const silent = Object.assign(new PassThrough(), { isTTY: true })
  const asked = init(folder, [], { stdin: silent, signal: stop.signal })
  setImmediate(() => stop.abort())
  const stopped = await asked
  assert.equal(stopped.code, 1)
  assert.match(stopped.stderr, /failure: stopped /)
  assert.deepEqual(readdirSync(folder.path), [])
})

test('init with -r, or where restic is set and nothing of the policy is typed, makes a repository', async () => {
  await using folder = temporaryFolder('init')
  const password = { RESTIC_PASSWORD: 'test' }
  const typed = await runWords(['-r', folder.at('typed'), 'init'], { environment: password })
  assert.match(typed.stdout, /^created repository /)
  const environment = { ...password, RESTIC_REPOSITORY: folder.at('set') }
  assert.match((await init(folder, [], { environment })).stdout, /^created repository /)
  const run = await init(folder, ['--source', 'sqlite:a=/a', '--yes'], { environment })
  assert.match(run.stdout, /^wrote policy /)
  const both = await init(folder, ['--policy', 'p', '-r', 'r'])
  assert.equal(both.code, 2)
  assert.match(both.stderr, /Cannot init: both a policy and a repository are given/)
})

test('the help of each form of init tells of the other', async () => {
  const [policy, plumbing] = [await runWords(['init', '--help']), await runWords(['-r', 'x', 'init', '--help'])]
  assert.match(policy.stdout, /--environment/)
  assert.match(policy.stdout, /`zakops-backup -r <place> init --help`/)
  assert.match(plumbing.stdout, /--repository-version/)
  assert.match(plumbing.stdout, /`zakops-backup --policy <file> init --help`/)
  for (const words of [
    ['help', 'init'],
    ['-r', 'x', 'help', 'init'],
  ]) {
    assert.equal((await runWords(words)).stdout, (words.length === 2 ? policy : plumbing).stdout)
  }
  const completion = (await runWords(['completion', 'bash'])).stdout
  assert.match(completion, /'\/init'\) words='.*--environment.*--repository-version/)
})
