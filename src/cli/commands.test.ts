import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { type CommandRun, runWords } from '../../testing/fake-world.ts'
import { type TemporaryFolder, temporaryFolder } from '../../testing/temporary-folder.ts'

/** Most of these tests use a master key, since deriving one from a password takes most of the time of a command. */
const masterKey = JSON.stringify({
  mac: { k: Buffer.alloc(16, 1).toString('base64'), r: Buffer.alloc(16, 2).toString('base64') },
  encrypt: Buffer.alloc(32, 3).toString('base64'),
})

/** A folder with a small tree to back up, and a way to type commands about the repository in it. */
class Desk implements AsyncDisposable {
  readonly folder: TemporaryFolder = temporaryFolder('commands')

  constructor() {
    mkdirSync(this.folder.at('source', 'sub'), { recursive: true })
    writeFileSync(this.folder.at('source', 'a.txt'), 'first')
    writeFileSync(this.folder.at('source', 'sub', 'b.txt'), 'second')
    symlinkSync('a.txt', this.folder.at('source', 'link'))
    writeFileSync(this.folder.at('master'), masterKey)
  }

  get repository(): string {
    return this.folder.at('repository')
  }

  get source(): string {
    return this.folder.at('source')
  }

  /** Runs a command on the repository, which must end with this exit code. */
  async type(words: readonly string[], code = 0, environment?: Record<string, string>): Promise<CommandRun> {
    const key = environment === undefined ? ['--master-key-file', this.folder.at('master')] : []
    const run = await runWords(['-r', this.repository, ...key, ...words], {
      environment: environment ?? {},
      workingDirectory: this.folder.path,
    })
    assert.equal(run.code, code, `${words.join(' ')}\n${run.stdout}\n${run.stderr}`)
    return run
  }

  /** The JSON document that a command prints last. */
  async read<Document>(words: readonly string[]): Promise<Document> {
    const { stdout } = await this.type([...words, '--json'])
    return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Document
  }

  async backUp(): Promise<string> {
    const summary = await this.read<{ snapshot_id: string }>(['backup', this.source])
    return summary.snapshot_id
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]()
  }
}

test('backup, snapshots, ls, find, diff, dump and stats tell of the same tree', async () => {
  await using desk = new Desk()
  await desk.type(['repo', 'init'])
  const first = await desk.backUp()
  writeFileSync(desk.folder.at('source', 'sub', 'b.txt'), 'other')
  const second = await desk.backUp()

  const snapshots = await desk.read<{ id: string; hostname: string; program_version: string }[]>(['snapshots'])
  assert.deepEqual(
    snapshots.map(({ id }) => id),
    [first, second],
  )
  assert.equal(snapshots[0]?.hostname, 'test-host')
  assert.equal(snapshots[0]?.program_version, 'zakops-backup 0.0.0-test')
  assert.match((await desk.type(['snapshots', '--latest', '1'])).stdout, new RegExp(`^${second.slice(0, 8)} `, 'm'))

  const listing = (await desk.type(['ls', '-q', `latest:${desk.source}`])).stdout
  assert.equal(listing, '/a.txt\n/link\n/sub\n/sub/b.txt\n')
  assert.match((await desk.type(['ls', '-l', 'latest'])).stdout, /^Lrwxrwxrwx .* -> a\.txt$/m)
  assert.match((await desk.type(['find', 'b.*'])).stdout, new RegExp(`^${desk.source}/sub/b.txt$`, 'm'))
  assert.match((await desk.type(['diff', first, second])).stdout, new RegExp(`^M +${desk.source}/sub/b.txt$`, 'm'))
  assert.equal((await desk.type(['dump', first, `${desk.source}/sub/b.txt`])).stdout, 'second')
  assert.equal((await desk.read<{ total_size: number }>(['stats', first])).total_size, 11)
})

test('restore brings back what was backed up, and keeps what is right', async () => {
  await using desk = new Desk()
  await desk.type(['repo', 'init'])
  await desk.backUp()
  const target = desk.folder.at('target')
  const words = ['restore', `latest:${desk.source}`, '--target', 'target', '--verify']
  const restored = await desk.read<{ files_restored: number; files_verified: number }>(words)
  assert.deepEqual([restored.files_restored, restored.files_verified], [2, 2])
  assert.equal(readFileSync(`${target}/sub/b.txt`, 'utf8'), 'second')
  assert.equal((await desk.read<{ files_skipped: number }>(words)).files_skipped, 2)
  await desk.type(['restore', 'latest', '--target', 'other', '--include', '*.nothing', '--dry-run'])
  await desk.type(['restore', 'latest'], 2)
  await desk.type(['restore', 'nothing', '--target', 'target'], 1)
})

test('backup ends with 3 and names what it could not read', async () => {
  await using desk = new Desk()
  await desk.type(['repo', 'init'])
  const run = await desk.type(['backup', 'source', 'absent'], 3)
  assert.match(run.stderr, /^back up: .*absent: vanished: /m)
  assert.match(run.stdout, /^1 gap: /m)
})

test('forget and prune remove by rule, refuse to remove everything, and show first what they would do', async () => {
  await using desk = new Desk()
  await desk.type(['repo', 'init'])
  await desk.backUp()
  writeFileSync(desk.folder.at('source', 'a.txt'), 'other')
  const second = await desk.backUp()
  await desk.type(['forget'], 2)
  await desk.type(['forget', '--keep-tag', 'nobody'], 4)
  await desk.type(['forget', '--unsafe-allow-remove-all'], 2)
  assert.match(
    (await desk.type(['forget', '--keep-last', '1', '--dry-run', '--prune'])).stdout,
    /^would remove 1 snapshot$/m,
  )
  assert.equal((await desk.read<unknown[]>(['snapshots'])).length, 2)
  await desk.type(['forget', '--keep-last', '1', '--prune'])
  const left = await desk.read<{ id: string }[]>(['snapshots'])
  assert.deepEqual(
    left.map(({ id }) => id),
    [second],
  )
  assert.match((await desk.type(['prune'])).stdout, /^nothing to do$/m)
  await desk.type(['check', '--read-data'])
})

test('check finds damage, heal mends it from the mirror, and both say so by their exit codes', async () => {
  await using desk = new Desk()
  const second = desk.folder.at('second')
  await desk.type(['repo', 'init'])
  await desk.backUp()
  await desk.type(['mirror', '--to', second])
  const pack = readdirSync(desk.folder.at('repository', 'data'), { recursive: true, encoding: 'utf8' }).find((name) =>
    /[0-9a-f]{64}$/.test(name),
  )!
  const path = desk.folder.at('repository', 'data', pack)
  const bytes = readFileSync(path)
  writeFileSync(
    path,
    bytes.map((byte, at) => (at === 40 ? byte ^ 1 : byte)),
  )
  rmSync(desk.folder.at('repository', 'config'))

  assert.match((await desk.type(['check'], 5)).stderr, /"config"/)
  await desk.type(['heal', '--from', second, '--object', 'config'])
  assert.match((await desk.type(['check', '--read-data'], 5)).stderr, new RegExp(pack))
  await desk.type(['heal', '--from', second, '--dry-run'], 5)
  await desk.type(['heal', '--from', second], 0, {})
  await desk.type(['check', '--read-data', '--mirror', second])
  assert.deepEqual(readFileSync(path), bytes)
  assert.deepEqual(readdirSync(desk.folder.at('repository', 'locks')), [])
})

test('key adds, changes and removes passwords', async () => {
  await using desk = new Desk()
  const file = desk.folder.at('password')
  writeFileSync(file, 'other\n')
  const [first, other, changed] = [
    { RESTIC_PASSWORD: 'test' },
    { RESTIC_PASSWORD_FILE: file },
    { RESTIC_PASSWORD: 'new' },
  ]
  await desk.type(['repo', 'init'], 0, first)
  const { stdout } = await desk.type(['key', 'add', '--new-password-file', file, '--json'], 0, first)
  const { id } = JSON.parse(stdout) as { id: string }
  await desk.type(['key', 'remove', id], 2, other)
  await desk.type(['key', 'passwd', '--new-password-command', 'printf new'], 0, first)
  assert.match((await desk.type(['key', 'list'], 0, changed)).stdout, /^\*[0-9a-f]{8} +test-user +test-host /m)
  await desk.type(['key', 'remove', id], 0, changed)
  for (const gone of [first, other]) await desk.type(['snapshots'], 1, gone)
})

test('a repository without a key of its own opens by its master key only', async () => {
  await using desk = new Desk()
  await desk.type(['repo', 'init', '--repository-version', '1'])
  await desk.type(['backup', '-n', 'source'])
  await desk.type(['snapshots'], 1, { RESTIC_PASSWORD: 'test' })
  await desk.type(['snapshots'], 2, {})
})

test('a command that writes refuses to work without a lock, and one that reads leaves none behind', async () => {
  await using desk = new Desk()
  await desk.type(['repo', 'init'])
  await desk.type(['backup', '--no-lock', 'source'], 2)
  await desk.type(['backup', '--no-lock', '--dry-run', 'source'])
  await desk.type(['snapshots', '--no-lock'])
  await desk.type(['repo', 'unlock'])
  assert.deepEqual(readdirSync(desk.folder.at('repository', 'locks')), [])
})
